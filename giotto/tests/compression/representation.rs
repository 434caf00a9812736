//! Each coding of a page is a representation of its own.

use crate::{ask, get, service, text};

const CODINGS: [(&str, &str); 4] = [("", ""), ("br", "-br"), ("zstd", "-zstd"), ("gzip", "-gz")];

#[tokio::test]
async fn each_coding_has_its_own_entity_tag() {
    let service = service();
    let plain = ask(&service, "GET", "/page?bytes=5000", &[]).await;
    let digest = plain.etag().trim_matches('"');
    for (coding, suffix) in CODINGS {
        for _ in 0..2 {
            let reply = get(&service, "/page?bytes=5000", coding).await;
            assert_eq!(reply.etag(), format!("\"{digest}{suffix}\""));
            assert_eq!(reply.coding(), coding);
            for same in ["content-type", "vary"] {
                assert_eq!(reply.field(same), plain.field(same));
            }
        }
    }
}

#[tokio::test]
async fn what_a_client_has_in_a_coding_that_it_accepts_is_not_sent_again() {
    let service = service();
    let plain = ask(&service, "GET", "/page?bytes=5000", &[]).await;
    let digest = plain.etag().trim_matches('"').to_owned();
    for (accepted, known) in [
        // The coding that the server prefers, and the others.
        ("br, zstd, gzip", "-br"),
        ("br, zstd, gzip", "-zstd"),
        ("br, zstd, gzip;q=0.1", "-gz"),
        ("br, zstd, gzip", ""),
        ("br;q=0, gzip", "-gz"),
        ("", ""),
    ] {
        let tag = format!("\"{digest}{known}\"");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
            let fields = [("accept-encoding", accepted), ("if-none-match", &*known)];
            let reply = ask(&service, "GET", "/page?bytes=5000", &fields).await;
            assert_eq!(reply.status, 304, "{accepted}: {known}");
            assert_eq!(reply.etag(), tag);
            assert!(reply.varies() && reply.body.is_empty() && reply.coding().is_empty());
        }
    }
}

/// A cache in front may ask with the tags of all that it has, for a client that cannot decode some of it.
#[tokio::test]
async fn what_a_client_has_in_a_coding_that_it_does_not_accept_is_sent() {
    let service = service();
    let plain = ask(&service, "GET", "/page?bytes=5000", &[]).await;
    let digest = plain.etag().trim_matches('"').to_owned();
    for (accepted, known, coding) in [
        ("gzip", "-br", "gzip"),
        ("gzip;q=0", "-gz", ""),
        ("identity;q=0, br", "", "br"),
        ("", "-br", ""),
    ] {
        let known = format!("\"{digest}{known}\"");
        let fields = [("accept-encoding", accepted), ("if-none-match", &*known)];
        let reply = ask(&service, "GET", "/page?bytes=5000", &fields).await;
        assert_eq!((reply.status, reply.coding()), (200, coding), "{known}");
        assert_eq!(reply.page(), text(5000).as_bytes());
    }
    // Of several, the one that it accepts.
    let known = format!("\"{digest}-br\", \"{digest}\", \"{digest}-gz\"");
    let fields = [("accept-encoding", "gzip"), ("if-none-match", &*known)];
    let reply = ask(&service, "GET", "/page?bytes=5000", &fields).await;
    let tag = format!("\"{digest}-gz\"");
    assert_eq!((reply.status, reply.etag()), (304, &*tag));
    // Any.
    let fields = [("accept-encoding", "zstd"), ("if-none-match", "*")];
    let reply = ask(&service, "GET", "/page?bytes=5000", &fields).await;
    let tag = format!("\"{digest}-zstd\"");
    assert_eq!((reply.status, reply.etag()), (304, &*tag));
}

/// Another process or release may compress to other bytes, so that parts of them do not fit together.
#[tokio::test]
async fn a_range_is_one_of_the_page_itself() {
    let service = service();
    for (accepted, coding) in [("br, zstd", ""), ("br, identity;q=0", "br")] {
        let fields = [("accept-encoding", accepted), ("range", "bytes=0-9")];
        let reply = ask(&service, "GET", "/page?bytes=5000", &fields).await;
        assert_eq!((reply.coding(), reply.varies()), (coding, true));
    }
}

#[tokio::test]
async fn a_new_page_has_new_codings() {
    let service = service();
    let before = get(&service, "/page?bytes=5000", "br").await;
    let fields = [("accept-encoding", "br"), ("if-none-match", before.etag())];
    let after = ask(&service, "GET", "/page?bytes=5001", &fields).await;
    assert_eq!(after.status, 200);
    assert_ne!(after.etag(), before.etag());
    assert_eq!(after.page(), text(5001).as_bytes());
}

/// The fields that ask for a part of the representation with the entity tag `etag`.
fn part_of<'f>(coding: &'f str, etag: &'f str) -> [(&'f str, &'f str); 3] {
    [
        ("accept-encoding", coding),
        ("range", "bytes=10-99"),
        ("if-range", etag),
    ]
}

#[tokio::test]
async fn a_part_is_one_of_the_page_itself_in_whatever_coding_the_client_has_it() {
    let service = service();
    let path = "/page?bytes=5000";
    let plain = get(&service, path, "").await;
    for (coding, _) in CODINGS {
        let part = ask(&service, "GET", path, &part_of(coding, plain.etag())).await;
        let expected = (206, &plain.body.slice(10..100));
        assert_eq!((part.status, &part.body), expected, "{coding}");
        assert_eq!(part.field("content-range"), "bytes 10-99/5000");
        for same in ["etag", "content-encoding", "content-type", "vary"] {
            assert_eq!(part.field(same), plain.field(same), "{coding}");
        }
        // The part would not fit what the client has in another coding.
        let coded = get(&service, path, coding).await;
        if coded.etag() != plain.etag() {
            let reply = ask(&service, "GET", path, &part_of(coding, coded.etag())).await;
            assert_eq!((reply.status, &reply.body), (200, &plain.body), "{coding}");
        }
    }
}

#[tokio::test]
async fn a_write_names_the_page_in_any_coding() {
    let service = service();
    for (coding, _) in CODINGS {
        let page = get(&service, "/page?bytes=5000", coding).await;
        for (name, tag, status) in [
            ("if-match", page.etag(), 200),
            ("if-match", "\"other-br\"", 412),
            ("if-none-match", page.etag(), 412),
        ] {
            for accepted in ["", "br, zstd, gzip"] {
                let fields = [("accept-encoding", accepted), (name, tag)];
                let reply = ask(&service, "POST", "/page?bytes=5000", &fields).await;
                assert_eq!(reply.status, status, "{coding}: {name}: {tag}");
            }
        }
    }
}
