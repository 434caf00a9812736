//! Sentences 3, 5 and 6 of the contract: how long a value lives.
//!
//! No step of a request.

use std::time::Duration;

use super::subject::{EXPIRE, SLACK, Subject};

const DAY: Duration = Duration::from_secs(24 * 3600);

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Sentence 3: A second `set` MUST replace the value and its expiry.
pub async fn a_second_set_replaces_the_value_and_its_expiry(subject: &Subject) {
    let sentence = "3. A second `set` MUST replace the value and its expiry";
    let shorter = subject.case(sentence, "replaced by a shorter value");
    shorter.set(b"a long value", None).await;
    shorter.set(b"short", None).await;
    shorter.finds(Some(b"short"), "after the second set").await;

    let longer_lived = subject.case(sentence, "replaced by one that never expires");
    let shorter_lived = subject.case(sentence, "replaced by one that expires");
    longer_lived.set(b"1", Some(EXPIRE)).await;
    longer_lived.set(b"2", None).await;
    shorter_lived.set(b"1", None).await;
    shorter_lived.set(b"2", Some(EXPIRE)).await;
    subject.pass(EXPIRE + SLACK).await;
    longer_lived
        .finds(Some(b"2"), "after the expiry of the first set")
        .await;
    shorter_lived
        .finds(None, "after the expiry of the second set")
        .await;
}

/// Sentence 5: A value set with an expiry MUST be absent once that time has passed, and SHOULD be present
/// until then.
pub async fn a_value_set_with_an_expiry_is_absent_once_that_time_has_passed(subject: &Subject) {
    let sentence = "5. A value set with an expiry MUST be absent once that time has passed, and SHOULD be \
                    present until then";
    let name = "expires in a second";
    let (brief, soon) = (subject.brief(sentence, name), subject.case(sentence, name));
    let at_once = subject.case(sentence, "expires in a millisecond");
    soon.set(b"value", Some(EXPIRE)).await;
    at_once.set(b"value", Some(Duration::from_millis(1))).await;

    // Beyond 30 days Memcached takes the number for a moment; beyond 136 years 32 bits are not enough.
    for (name, expire) in [
        ("31 days", 31 * DAY),
        ("200 years", 200 * YEAR),
        ("for ever", Duration::MAX),
    ] {
        let late = subject.case(sentence, name);
        late.set(b"value", Some(expire)).await;
        late.finds(Some(b"value"), "long before its expiry").await;
    }

    subject.pass(EXPIRE / 2).await;
    brief
        .finds(Some(b"value"), "when half of its time has passed")
        .await;
    subject.pass(EXPIRE / 2 + SLACK).await;
    soon.finds(None, "when its time has passed").await;
    at_once.finds(None, "when its time has passed").await;
}

/// Sentence 6: A value set without an expiry MUST NOT expire.
pub async fn a_value_set_without_an_expiry_does_not_expire(subject: &Subject) {
    let sentence = "6. A value set without an expiry MUST NOT expire";
    let case = subject.case(sentence, "never expires");
    case.set(b"value", None).await;
    let long = if subject.clock.is_some() {
        10 * YEAR
    } else {
        EXPIRE + SLACK
    };
    subject.pass(long).await;
    case.finds(Some(b"value"), "a long time after it was set")
        .await;
}
