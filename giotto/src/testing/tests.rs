//! What the client understands of cache statuses, cookies and forms.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use giotto_cache::testing::Answered;
use giotto_cache::{NotStored, Reason, Scope, Staleness, Status};
use http::{Request, Response};

use super::{Client, Form, Reply};
use crate::cache_status::CacheStatus;
use crate::controller::http::Body;

/// Answers with what was asked: the method, the address, the cookies, the media type and the body. A field `x-set` comes
/// back as `Set-Cookie`, and `x-status` as `Cache-Status`.
#[derive(Clone)]
struct Echo;

impl tower_service::Service<Request<Body>> for Echo {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (head, _) = request.into_parts();
        let mut response = Response::builder();
        for (from, to) in [("x-set", "set-cookie"), ("x-status", "cache-status")] {
            for value in head.headers.get_all(from) {
                response = response.header(to, value);
            }
        }
        let cookies = head.headers.get("cookie");
        let cookies = cookies.map_or("", |cookies| cookies.to_str().unwrap());
        let body = format!("{} {} [{cookies}]", head.method, head.uri);
        ready(Ok(response.body(Body::from(Bytes::from(body))).unwrap()))
    }
}

fn page(html: &str) -> Reply {
    let (head, ()) = Response::new(()).into_parts();
    Reply::new("/shop/cart?x=1".to_owned(), head, html.to_owned().into())
}

/// The address and the body that the form sends.
fn sent(form: &Form) -> (String, String) {
    let (address, sent) = form.sent();
    let body = sent.map(|(_, body)| String::from_utf8(body.into()).unwrap());
    (address, body.unwrap_or_default())
}

async fn with(client: &mut Client<Echo>, field: &str, value: &str, address: &str) -> Reply {
    let request = Request::get(address).header(field, value);
    client.send(request.body(Bytes::new()).unwrap()).await
}

#[tokio::test]
async fn every_cache_status_is_understood_as_it_was_meant() {
    let scopes = [
        Scope::All,
        Scope::Program(String::new()),
        Scope::Program("a/b".to_owned()),
    ];
    let mut reasons: Vec<_> = scopes.into_iter().map(Reason::Invalidated).collect();
    reasons.extend([
        Reason::Invalidated(Scope::Tag("user:7".to_owned())),
        Reason::TagLost("user:7".to_owned()),
        Reason::FirstSeen,
        Reason::Expired,
        Reason::Evicted,
        Reason::Version,
        Reason::BackendError,
        Reason::BackendTimeout,
        Reason::BackendSkipped,
        Reason::Undecodable,
        Reason::Forged,
        Reason::ClockSkew,
        Reason::Bypass,
        Reason::Refresh,
        Reason::NotStorable,
        Reason::TooLarge,
    ]);
    let statuses = [
        Status::Stored,
        Status::NotStored,
        Status::Collapsed,
        Status::Stale(Staleness::Revalidating),
        Status::Stale(Staleness::Failed),
        Status::Stale(Staleness::Late),
        Status::Stale(Staleness::Throttled),
        Status::Stale(Staleness::Accepted),
    ];
    let mut cases = vec![(Status::Hit, None)];
    cases.extend(statuses.into_iter().flat_map(|status| {
        reasons
            .iter()
            .map(move |reason| (status, Some(reason.clone())))
    }));
    let mut client = Client::new(Echo);
    for (status, reason) in cases {
        let told = CacheStatus {
            status: Some(status),
            reason: reason.clone(),
            not_stored: (status == Status::NotStored).then_some(NotStored::StoreFailed),
            layer: Some("locmem"),
            etag: None,
            ttl: Some(7),
        };
        let reply = with(&mut client, "x-status", &told.to_string(), "/").await;
        assert_eq!(Answered::status(&reply), Some(status), "{told}");
        assert_eq!(reply.reason(), reason, "{told}");
    }
    // Of the caches on the way, the nearest one counts; a comma in a string separates nothing.
    let both = "giotto; fwd=stale; stored; detail=\"expired, x\\\"; hit\", http; hit; ttl=5";
    let reply = with(&mut client, "x-status", both, "/").await;
    assert_eq!(Answered::status(&reply), Some(Status::Hit));
    for none in ["", "giotto; fwd=bypass", "nonsense"] {
        let reply = with(&mut client, "x-status", none, "/").await;
        assert_eq!(Answered::status(&reply), None, "{none}");
    }
}

#[tokio::test]
async fn cookies_are_kept_replaced_removed_and_sent_below_their_path() {
    let mut client = Client::new(Echo);
    with(&mut client, "x-set", "a=1; Path=/; Secure; HttpOnly", "/").await;
    with(&mut client, "x-set", "b=2; Path=/shop", "/").await;
    with(&mut client, "x-set", "c=3", "/shop/cart").await;
    assert_eq!(client.get("/").await.text(), "GET / [a=1]");
    assert_eq!(
        client.get("/shop").await.text(),
        "GET /shop [a=1; b=2; c=3]"
    );
    assert_eq!(client.get("/shopping").await.text(), "GET /shopping [a=1]");
    with(&mut client, "x-set", "a=4; path=/; max-age=60", "/").await;
    with(&mut client, "x-set", "b=; Path=/shop; Max-Age=0", "/").await;
    assert_eq!(client.get("/shop/").await.text(), "GET /shop/ [a=4; c=3]");
    assert_eq!(client.cookie("c"), Some("3"));
    assert_eq!(client.cookie("b"), None);
}

#[test]
fn a_form_has_what_the_page_shows_and_sends_what_a_browser_would() {
    let page = page(
        r#"<script>"<form action='/not'>"</script>
        <form action="?page=2&amp;x=3" METHOD=Post>
          <input name=email value="a&amp;b@c"><input type=hidden name=token value=t>
          <input type=checkbox name=tag value=new checked><input type=checkbox name=tag value=old>
          <input type=radio name=size value=s checked><input type=radio name=size value=l>
          <input name=gone disabled value=1><input value=nameless><input type=reset name=r value=r>
          <select name=land><option>Czech
            Republic<option value=de>Germany</select>
          <select name=many multiple><option>1<option selected>2</select>
          <textarea name=note>
 <b>a</b>
b</textarea>
          <button name=do value=save>Save</button><button name=do value=delete>Delete</button>
        </form><input name=outside>"#,
    );
    let form = page.form("/shop/cart?page=2&x=3");
    let shown = "email=a%26b%40c&token=t&tag=new&size=s&land=Czech%20Republic&many=2&note=%20%3Cb%3Ea%3C%2Fb%3E%0D%0Ab";
    assert_eq!(sent(&form), (form.action().to_owned(), shown.to_owned()));
    let form = form
        .set("email", "ä")
        .set("tag", "old")
        .set("size", "l")
        .set("land", "de");
    let form = form.clear("many").set("note", "").set("do", "delete");
    let filled = "email=%C3%A4&token=t&tag=new&tag=old&size=l&land=de&note=&do=delete";
    assert_eq!(sent(&form).1, filled);
    assert_eq!(form.value("size"), Some("l"));
}

#[test]
fn a_form_of_get_replaces_the_query_and_a_file_makes_parts() {
    let page = page(
        "<form action=http://localhost:5000/shop/search?old=1><input name=q></form>\
         <form action=/covers method=post enctype=multipart/form-data><input name=id value=7><input type=file name=cover></form>",
    );
    let search = page.form("/shop/search?old=1").set("q", "a b");
    assert_eq!(
        sent(&search),
        ("/shop/search?q=a%20b".to_owned(), String::new())
    );
    let upload = page.form("/covers").attach("cover", "a.svg", "<svg/>");
    let (address, body) = sent(&upload);
    assert_eq!(address, "/covers");
    assert!(
        body.contains("form-data; name=\"id\"\r\n\r\n7\r\n--"),
        "{body}"
    );
    assert!(
        body.contains("name=\"cover\"; filename=\"a.svg\""),
        "{body}"
    );
    assert!(
        body.ends_with("\r\n\r\n<svg/>\r\n--7d9f2c1ab4e85f30--\r\n"),
        "{body}"
    );
}

#[test]
#[should_panic(expected = "no form is sent to /join, but to [\"/shop/cart?x=1\"]")]
fn a_form_that_the_page_lacks_names_those_that_it_has() {
    let _ = page("<form></form>").form("/join");
}

#[test]
#[should_panic(expected = "no emial=x in Form")]
fn a_misspelt_field_is_found() {
    let _ = page("<form action=/join><input name=email>")
        .form("/join")
        .set("emial", "x");
}

#[test]
#[should_panic(expected = "https://example.org/join leads to another host")]
fn a_form_of_another_host_is_none_of_the_application() {
    let _ = page("<form action=https://example.org/join></form>").forms();
}
