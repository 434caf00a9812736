//! A cookie that is forged, changed, truncated or swapped is no session.

use giotto::Sessions;

use crate::{Browser, COOKIE, KEY, ask, service, sessions};

const NOBODY: &str = "[null,[]]";
const ADA: &str = "[\"ada\",[]]";

async fn seen_with(service: &giotto::Service, cookie: &str) -> String {
    ask(service, "GET", "/whoami.json", &[("cookie", cookie)], "")
        .await
        .body
}

#[tokio::test]
async fn only_the_value_that_was_set_is_the_session() {
    let service = service(sessions());
    let mut ada = Browser::new(&service);
    ada.sign_in("ada").await;
    let value = ada.session().to_owned();
    assert_eq!(seen_with(&service, &format!("{COOKIE}={value}")).await, ADA);
    assert!(!value.contains("ada"), "{value}");
    let truncated = (0..value.len()).map(|length| value[..length].to_owned());
    let changed = (0..value.len()).map(|place| {
        let other = if value.as_bytes()[place] == b'A' {
            "B"
        } else {
            "A"
        };
        let mut changed = value.clone();
        changed.replace_range(place..=place, other);
        changed
    });
    let longer = ["A", "=", "AAAA", "%00"].map(|more| format!("{value}{more}"));
    let json = "{\"i\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"b\":1700000000,\"w\":1700000000,\"u\":\"ada\"}";
    let made_up = [
        "",
        "0",
        "ada",
        "null",
        "{}",
        "===",
        "AAAAAAAAAAAAAAAAAAAA",
        json,
    ]
    .map(str::to_owned);
    let mut count = 0;
    for wrong in truncated.chain(changed).chain(longer).chain(made_up) {
        let seen = seen_with(&service, &format!("{COOKIE}={wrong}")).await;
        assert_eq!(seen, NOBODY, "{wrong}");
        count += 1;
    }
    assert!(count > 250, "{count}");
}

#[tokio::test]
async fn a_value_is_of_one_name_one_key_and_one_purpose() {
    let first = service(sessions());
    let other_name = service(sessions().cookie("other"));
    let other_key = service(Sessions::new().keys([KEY.replace('0', "1")]));
    let mut ada = Browser::new(&first);
    ada.sign_in("ada").await;
    let value = ada.session().to_owned();
    for (service, name, seen) in [
        (&first, COOKIE, ADA),
        (&first, "giotto_session", NOBODY),
        (&first, "__Host-other", NOBODY),
        (&first, "__Host-giotto_session_ended", NOBODY),
        (&other_name, "__Host-other", NOBODY),
        (&other_key, COOKIE, NOBODY),
    ] {
        assert_eq!(
            seen_with(service, &format!("{name}={value}")).await,
            seen,
            "{name}"
        );
    }
    // What has ended is not a session either.
    ada.post("/sign-out", "").await;
    let ended = &ada.cookies["__Host-giotto_session_ended"];
    assert_eq!(
        seen_with(&first, &format!("{COOKIE}={ended}")).await,
        NOBODY
    );
}

/// A sibling host may set a cookie of the same name beside the right one.
#[tokio::test]
async fn the_one_value_that_is_a_session_is_found_among_others() {
    let service = service(sessions());
    let mut ada = Browser::new(&service);
    ada.sign_in("ada").await;
    let value = ada.session().to_owned();
    for (cookie, seen) in [
        (format!("{COOKIE}=forged; {COOKIE}={value}"), ADA),
        (format!("a=b;{COOKIE}={value};{COOKIE}=forged"), ADA),
        // Each that is opened costs time.
        (
            format!(
                "{}{COOKIE}={value}",
                format!("{COOKIE}=forged; ").repeat(1_000)
            ),
            NOBODY,
        ),
    ] {
        assert_eq!(seen_with(&service, &cookie).await, seen);
    }
}

#[tokio::test]
async fn a_key_is_replaced_without_an_end_of_the_sessions() {
    let (old, new) = (KEY.to_owned(), KEY.replace('0', "1"));
    let with = |keys: &[&String]| service(Sessions::new().keys(keys));
    let mut ada = Browser::new(&with(&[&old]));
    ada.sign_in("ada").await;
    let first = ada.session().to_owned();
    for (keys, is_sealed_again) in [
        (vec![&old, &new], false),
        (vec![&new, &old], true),
        (vec![&new, &old], false),
        (vec![&new], false),
    ] {
        ada.service = with(&keys);
        let before = ada.session().to_owned();
        assert_eq!(ada.whoami().await, ADA);
        assert_eq!(ada.session() != before, is_sealed_again, "{keys:?}");
    }
    assert_eq!(
        seen_with(&with(&[&new]), &format!("{COOKIE}={first}")).await,
        NOBODY
    );
}
