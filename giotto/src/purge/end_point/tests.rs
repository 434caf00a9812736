//! The requests of each template, byte by byte.

use http_body_util::BodyExt;

use super::*;

fn batch(is_hard: bool) -> Batch {
    Batch {
        tags: vec!["user:7".to_owned(), "a.b%20c".to_owned()],
        is_hard,
    }
}

/// `METHOD url`, the fields, and the body.
fn shown(end_point: &EndPoint, is_hard: bool) -> String {
    let (head, body) = end_point.request(&batch(is_hard)).into_parts();
    let mut lines = vec![format!("{} {}", head.method, head.uri)];
    let fields = head
        .headers
        .iter()
        .filter(|(name, _)| *name != header::USER_AGENT);
    lines.extend(fields.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())));
    let body = futures_now(body.collect());
    lines.push(String::from_utf8(body.to_vec()).unwrap());
    lines.join("\n")
}

/// The body of a request is there at once.
fn futures_now(
    body: impl Future<Output = Result<http_body_util::Collected<Bytes>, std::convert::Infallible>>,
) -> Bytes {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(body).unwrap().to_bytes()
}

#[test]
fn varnish_is_told_by_the_fields_of_xkey_or_by_a_ban() {
    let url = "http://127.0.0.1:6081/";
    let xkey = EndPoint::varnish_xkey(url).unwrap();
    let hard = "PURGE http://127.0.0.1:6081/\nxkey: user:7 a.b%20c\n";
    assert_eq!(shown(&xkey, true), hard);
    let soft = "PURGE http://127.0.0.1:6081/\nxkey-softpurge: user:7 a.b%20c\n";
    assert_eq!(shown(&xkey, false), soft);
    let ban = EndPoint::varnish_ban(url).unwrap();
    let banned = "BAN http://127.0.0.1:6081/\n\
                  x-cache-tags: (^|[[:space:],])(user:7|a\\.b%20c)([[:space:],]|$)\n";
    assert_eq!(shown(&ban, true), banned);
    assert_eq!(shown(&ban, false), banned);
}

#[test]
fn fastly_and_cloudflare_are_told_by_their_interfaces() {
    let url = "https://api.fastly.com/service/SU1Z/purge";
    let fastly = EndPoint::fastly(url, "secret").unwrap();
    let hard = format!("POST {url}\nfastly-key: secret\nsurrogate-key: user:7 a.b%20c\n");
    assert_eq!(shown(&fastly, true), hard);
    let soft = format!(
        "POST {url}\nfastly-key: secret\nsurrogate-key: user:7 a.b%20c\nfastly-soft-purge: 1\n"
    );
    assert_eq!(shown(&fastly, false), soft);
    let url = "https://api.cloudflare.com/client/v4/zones/023e/purge_cache";
    let cloudflare = EndPoint::cloudflare(url, "secret").unwrap();
    let posted = format!(
        "POST {url}\nauthorization: Bearer secret\ncontent-type: application/json\n\
         {{\"tags\":[\"user:7\",\"a.b%20c\"]}}"
    );
    assert_eq!(shown(&cloudflare, false), posted);
    assert_eq!((fastly.most(), cloudflare.most()), (256, 100));
}

#[test]
fn any_other_end_point_has_templates_of_its_own() {
    let own = EndPoint::http("POST", "http://cdn/purge").unwrap();
    let own = own
        .token("secret")
        .unwrap()
        .field("x-soft", "{soft}")
        .unwrap();
    let own = own.field("x-list", "{list}; {other} {").unwrap();
    let own = own.body("{\"tags\": {json}, \"token\": \"{token}\"}");
    let posted = "POST http://cdn/purge\nx-soft: 1\nx-list: user:7,a.b%20c; {other} {\n\
                  {\"tags\": [\"user:7\",\"a.b%20c\"], \"token\": \"secret\"}";
    assert_eq!(shown(&own, false), posted);
    assert_eq!(own.most(), 100);
    let single = EndPoint::http("POST", "http://cdn/").unwrap();
    let single = single.body("{\"CacheTag\": \"{tag}\"}").at_most(9);
    assert_eq!(single.most(), 1);
}

#[test]
fn a_tag_that_looks_like_a_part_of_a_template_is_a_tag() {
    let end_point = EndPoint::fastly("https://cdn/purge", "secret").unwrap();
    let batch = Batch {
        tags: vec!["{token}".to_owned()],
        is_hard: true,
    };
    let request = end_point.request(&batch);
    assert_eq!(request.headers()["surrogate-key"], "{token}");
}

#[test]
fn a_mistake_is_refused_and_a_token_is_shown_nowhere() {
    for url in [
        "cdn",
        "ftp://cdn/",
        "http://me:secret@cdn/",
        "http:///x",
        "",
    ] {
        let error = EndPoint::varnish_xkey(url).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
    assert!(EndPoint::http("P URGE", "http://cdn/").is_err());
    for token in ["", "line\nbreak"] {
        assert!(EndPoint::fastly("https://cdn/", token).is_err());
    }
    let end_point = EndPoint::fastly("https://cdn/", "secret").unwrap();
    assert!(end_point.clone().field("na me", "x").is_err());
    assert!(end_point.clone().field("name", "x\n").is_err());
    let request = end_point.request(&batch(true));
    assert!(!format!("{end_point:?} {request:?}").contains("secret"));
}
