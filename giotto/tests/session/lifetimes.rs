//! How long a session lasts, when its cookie is written, and how large it may be.

use std::time::Duration;

use crate::{Browser, COOKIE, service, sessions, timed};

const HOUR: Duration = Duration::from_secs(3_600);
const ADA: &str = "[\"ada\",[]]";
const NOBODY: &str = "[null,[]]";

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it() {
    let (sessions, clock) = timed();
    let mut ada = Browser::new(&service(sessions));
    ada.sign_in("ada").await;
    for _ in 0..5 {
        clock.advance(23 * HOUR);
        assert_eq!(ada.whoami().await, ADA);
    }
    clock.advance(25 * HOUR);
    assert_eq!(ada.whoami().await, NOBODY);
}

#[tokio::test]
async fn a_session_ends_however_much_it_is_used() {
    let (sessions, clock) = timed();
    let mut ada = Browser::new(&service(sessions.lifetime(48 * HOUR)));
    ada.sign_in("ada").await;
    let stolen = ada.clone();
    for _ in 0..4 {
        clock.advance(10 * HOUR);
        assert_eq!(ada.whoami().await, ADA);
    }
    clock.advance(7 * HOUR);
    // The browser forgets it at the same time.
    let reply = ada.post("/put", "book=1").await;
    assert!(
        reply
            .cookies()
            .iter()
            .any(|cookie| cookie.contains("Max-Age=3600")),
        "{reply:?}"
    );
    clock.advance(2 * HOUR);
    assert_eq!(ada.whoami().await, NOBODY);
    assert_eq!(stolen.clone().whoami().await, NOBODY);
}

#[tokio::test]
async fn its_cookie_is_written_only_if_it_changes_or_a_tenth_of_its_time_is_over() {
    let (sessions, clock) = timed();
    let service = service(sessions);
    let mut reader = Browser::new(&service);
    for target in ["/whoami.json", "/public", "/greeting", "/kept-by-browsers"] {
        let reply = reader.get(target).await;
        assert!(reply.cookies().is_empty(), "{reply:?}");
    }
    reader.sign_in("ada").await;
    let set = async |reader: &mut Browser, target: &str| reader.get(target).await.cookies().len();
    assert_eq!(set(&mut reader, "/whoami.json").await, 0);
    clock.advance(HOUR);
    assert_eq!(set(&mut reader, "/whoami.json").await, 0);
    clock.advance(2 * HOUR);
    // A page that asks nobody for the session leaves it alone.
    assert_eq!(set(&mut reader, "/public").await, 0);
    assert_eq!(set(&mut reader, "/greeting").await, 1);
    assert_eq!(set(&mut reader, "/whoami.json").await, 0);
}

#[tokio::test]
async fn a_session_that_no_browser_keeps_is_an_error_when_it_is_set() {
    let mut reader = Browser::new(&service(sessions()));
    reader.sign_in("ada").await;
    let keep = async |reader: &mut Browser, length: usize| {
        let form = format!("text={}", "x".repeat(length));
        reader
            .ask("POST", "/keep.json", &[crate::FORM], &form)
            .await
    };
    let (mut fits, mut too_long) = (1_000, 5_000);
    while too_long - fits > 1 {
        let length = (fits + too_long) / 2;
        match keep(&mut reader, length).await.status {
            200 => fits = length,
            _ => too_long = length,
        }
    }
    // The whole cookie is as long as browsers allow, or as one group of base64 less.
    let reply = keep(&mut reader, fits).await;
    let [cookie] = reply.cookies()[..] else {
        panic!("one cookie: {reply:?}");
    };
    let slack = "; Max-Age=2147483647".len() - "; Max-Age=86400".len();
    assert!(
        (4_096 - 4 - slack..=4_096).contains(&cookie.len()),
        "{}",
        cookie.len()
    );
    assert_eq!(keep(&mut reader, too_long).await.status, 500);
    assert!(cookie.starts_with(COOKIE));
    assert_eq!(reader.whoami().await, ADA);
}

#[tokio::test]
async fn a_head_takes_no_message_and_sets_no_cookie() {
    let mut reader = Browser::new(&service(sessions()));
    let head = reader.ask("HEAD", "/form", &[], "").await;
    assert_eq!((head.status, head.cookies().len()), (200, 0), "{head:?}");
    assert_eq!(reader.post("/put", "book=7").await.status, 303);
    let head = reader.ask("HEAD", "/form", &[], "").await;
    assert_eq!((head.status, head.cookies().len()), (200, 0), "{head:?}");
    assert!(reader.get("/form").await.body.contains("book 7"));
    assert!(!reader.get("/form").await.body.contains("book 7"));
}
