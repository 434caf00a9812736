//! The contract of [`KeyValue`](crate::KeyValue) as tests that any store can run.
//!
//! No step of a request: it is for the author of a store. It has one function for each numbered sentence of
//! [`KeyValue`](crate::KeyValue), named like it, and [`check`], which runs them all and panics with the sentence that does
//! not hold and the key that shows it.
//!
//! ```
//! use std::sync::Arc;
//!
//! use giotto_cache::conformance::{self, Subject};
//! use giotto_cache::{Clock, LocMemKeyValue};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! # runtime.block_on(async {
//! let clock = Clock::manual(0);
//! let store = LocMemKeyValue::new().clock(clock.clone());
//! conformance::check(&Subject::new(Arc::new(store)).clock(clock)).await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

mod case;
mod expiry;
mod many;
mod replace;
mod samples;
mod scan;
mod subject;

use std::time::Duration;

use self::case::Case;
pub use self::expiry::{
    a_second_set_replaces_the_value_and_its_expiry,
    a_value_set_with_an_expiry_is_absent_once_that_time_has_passed,
    a_value_set_without_an_expiry_does_not_expire,
};
pub use self::many::get_many_returns_what_get_returns_of_each_key_in_their_order;
pub use self::replace::{
    of_many_that_replace_a_value_at_once_one_is_told_that_it_did,
    replace_stores_or_removes_only_if_the_value_is_exactly_the_old_one_and_says_whether_it_did,
};
use self::samples::{keys, values};
pub use self::scan::scan_returns_every_key_of_this_namespace_and_the_beginning_of_its_value;
pub use self::subject::Subject;
use self::subject::{EXPIRE, SLACK};

/// Runs every sentence of the contract that applies to `subject`; panics at the first that does not hold.
pub async fn check(subject: &Subject) {
    get_returns_the_bytes_last_set(subject).await;
    get_of_an_absent_key_returns_none(subject).await;
    a_second_set_replaces_the_value_and_its_expiry(subject).await;
    keys_that_differ_in_any_character_are_different_keys(subject).await;
    a_value_set_with_an_expiry_is_absent_once_that_time_has_passed(subject).await;
    a_value_set_without_an_expiry_does_not_expire(subject).await;
    add_stores_the_value_only_if_the_key_is_absent_and_says_whether_it_did(subject).await;
    if !subject.only_get_and_set {
        delete_removes_that_key_alone_and_says_whether_it_was_there(subject).await;
        clear_removes_every_key_of_this_namespace_and_nothing_else(subject).await;
    }
    get_many_returns_what_get_returns_of_each_key_in_their_order(subject).await;
    replace_stores_or_removes_only_if_the_value_is_exactly_the_old_one_and_says_whether_it_did(
        subject,
    )
    .await;
    if subject.is_atomic {
        of_many_that_replace_a_value_at_once_one_is_told_that_it_did(subject).await;
    }
    if subject.is_enumerable {
        scan_returns_every_key_of_this_namespace_and_the_beginning_of_its_value(subject).await;
    }
}

/// Sentence 1: `get` MUST return the bytes last set, whatever bytes they are, an empty value included.
pub async fn get_returns_the_bytes_last_set(subject: &Subject) {
    let sentence =
        "1. `get` MUST return the bytes last set, whatever bytes they are, an empty value included";
    for (name, value) in values() {
        let case = subject.case(sentence, name);
        case.set(&value, None).await;
        case.finds(Some(&value), "after it was set").await;
        case.finds(Some(&value), "when asked a second time").await;
    }
}

/// Sentence 2: `get` of an absent key MUST return `None`, not an error.
pub async fn get_of_an_absent_key_returns_none(subject: &Subject) {
    let sentence = "2. `get` of an absent key MUST return `None`, not an error";
    for key in keys(&subject.prefix) {
        subject
            .case(sentence, &format!("absent{key}"))
            .finds(None, "that was never set")
            .await;
    }
}

/// Sentence 4: Keys that differ in any character MUST be different keys.
pub async fn keys_that_differ_in_any_character_are_different_keys(subject: &Subject) {
    let sentence = "4. Keys that differ in any character MUST be different keys: letter case, accents, \
                    trailing spaces, control characters and length included";
    let keys = keys(&subject.prefix);
    for (number, key) in keys.iter().enumerate() {
        subject
            .case(sentence, key)
            .set(number.to_string().as_bytes(), None)
            .await;
    }
    for (number, key) in keys.iter().enumerate() {
        let when = "after other keys were set";
        subject
            .case(sentence, key)
            .finds(Some(number.to_string().as_bytes()), when)
            .await;
    }
}

/// Sentence 7: `add` MUST store the value only if the key is absent, and MUST say whether it did.
pub async fn add_stores_the_value_only_if_the_key_is_absent_and_says_whether_it_did(
    subject: &Subject,
) {
    let sentence =
        "7. `add` MUST store the value only if the key is absent, and MUST say whether it did";
    let (brief, case) = (
        subject.brief(sentence, "added"),
        subject.case(sentence, "added"),
    );
    case.adds(b"1", Some(EXPIRE), true, "to an absent key")
        .await;
    brief.finds(Some(b"1"), "after it was added").await;
    brief.adds(b"2", None, false, "to a present key").await;
    let was_present = !brief.is_over();
    brief.finds(Some(b"1"), "after it was added again").await;
    subject.pass(EXPIRE + SLACK).await;
    if was_present {
        case.finds(None, "when the time of the first add has passed")
            .await;
        case.adds(b"3", None, true, "to an expired key").await;
        case.finds(Some(b"3"), "after it was added once more").await;
    }

    let set = subject.case(sentence, "set, then added");
    set.set(b"", None).await;
    set.adds(b"2", None, false, "to a key whose value is empty")
        .await;
    set.finds(Some(b""), "after it was added").await;
}

/// Sentence 8: `delete` MUST remove that key alone, and MUST say whether it was there.
pub async fn delete_removes_that_key_alone_and_says_whether_it_was_there(subject: &Subject) {
    let sentence = "8. `delete` MUST remove that key alone, and MUST say whether it was there";
    let [case, longer, other_case, expired] =
        ["del", "del ", "DEL", "del, expired"].map(|key| subject.case(sentence, key));
    for case in [&case, &longer, &other_case] {
        case.set(b"value", None).await;
    }
    expired.set(b"value", Some(Duration::from_millis(1))).await;

    case.deletes(true, "the first time").await;
    case.finds(None, "after it was deleted").await;
    case.deletes(false, "the second time").await;
    for neighbour in [longer, other_case] {
        neighbour
            .finds(Some(b"value"), "after its neighbour was deleted")
            .await;
    }
    subject.pass(EXPIRE + SLACK).await;
    expired.deletes(false, "after its expiry").await;
}

/// Sentence 9: `clear` MUST remove every key of this store's namespace and nothing else.
pub async fn clear_removes_every_key_of_this_namespace_and_nothing_else(subject: &Subject) {
    let sentence = "9. `clear` MUST remove every key of this store's namespace and nothing else";
    let keys = keys(&subject.prefix);
    for key in &keys {
        subject.case(sentence, key).set(b"value", None).await;
        if let Some(neighbour) = &subject.neighbour {
            let case = Case {
                store: &**neighbour,
                ..subject.case(sentence, key)
            };
            case.set(b"neighbour", None).await;
        }
    }
    if let Err(error) = subject.store.clear().await {
        panic!("{sentence}\n  clear failed: {error}");
    }
    for key in &keys {
        subject
            .case(sentence, key)
            .finds(None, "after the store was cleared")
            .await;
        if let Some(neighbour) = &subject.neighbour {
            let case = Case {
                store: &**neighbour,
                ..subject.case(sentence, key)
            };
            case.finds(Some(b"neighbour"), "after the neighbour was cleared")
                .await;
        }
    }
}
