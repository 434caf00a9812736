//! Sentence 11 of the contract: what replaces a value must know it.
//!
//! No step of a request.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::subject::{EXPIRE, SLACK, Subject};

const SENTENCE: &str = "11. `replace` MUST store or remove only if the value is exactly the old one, and MUST say \
                        whether it did";

/// So many replace one value at once, so often.
const CALLERS: usize = 16;
const ROUNDS: usize = 10;

/// Sentence 11: `replace` MUST store or remove only if the value is exactly the old one, and MUST say whether it did.
pub async fn replace_stores_or_removes_only_if_the_value_is_exactly_the_old_one_and_says_whether_it_did(
    subject: &Subject,
) {
    only_the_value_itself_is_replaced(subject).await;
    a_replace_gives_the_value_another_expiry(subject).await;
    if !subject.only_get_and_set {
        only_the_value_itself_is_removed(subject).await;
    }
}

async fn only_the_value_itself_is_replaced(subject: &Subject) {
    let absent = subject.case(SENTENCE, "replaced, absent");
    for old in [&b""[..], b"old"] {
        absent
            .replaces(old, Some(b"new"), None, false, "of an absent key")
            .await;
        absent.finds(None, "after it was not replaced").await;
    }

    let case = subject.case(SENTENCE, "replaced");
    case.set(b"old\0\r\n", None).await;
    for other in [
        &b""[..],
        b"old",
        b"old\0",
        b"OLD\0\r\n",
        b"old\0\r\n ",
        b"new",
    ] {
        case.replaces(other, Some(b"new"), None, false, "that is not the value")
            .await;
        case.finds(Some(b"old\0\r\n"), "after it was not replaced")
            .await;
    }
    let chain: [&[u8]; 5] = [b"old\0\r\n", b"", b"a value that is longer", b"12", b"12"];
    for pair in chain.windows(2) {
        let new: &'static [u8] = pair[1];
        case.replaces(pair[0], Some(new), None, true, "that is the value")
            .await;
        case.finds(Some(new), "after it was replaced").await;
    }
}

async fn a_replace_gives_the_value_another_expiry(subject: &Subject) {
    let [longer_lived, shorter_lived, expired] = ["longer", "shorter", "expired"]
        .map(|life| subject.case(SENTENCE, &format!("replaced, {life}")));
    let brief = subject.brief(SENTENCE, "replaced, longer");
    longer_lived.set(b"1", Some(EXPIRE)).await;
    brief
        .replaces(b"1", Some(b"2"), None, true, "of a value that expires")
        .await;
    let was_replaced = !brief.is_over();
    shorter_lived.set(b"1", None).await;
    let brief = subject.brief(SENTENCE, "replaced, shorter");
    shorter_lived
        .replaces(b"1", Some(b"1"), Some(EXPIRE), true, "of a value by itself")
        .await;
    expired.set(b"1", Some(Duration::from_millis(1))).await;
    subject.pass(EXPIRE / 2).await;
    brief
        .finds(Some(b"1"), "when half of its time has passed")
        .await;
    subject.pass(EXPIRE / 2 + SLACK).await;
    if was_replaced {
        longer_lived
            .finds(Some(b"2"), "after the expiry that it had")
            .await;
    }
    shorter_lived
        .finds(None, "after the expiry that it was given")
        .await;
    expired
        .replaces(b"1", Some(b"2"), None, false, "of an expired value")
        .await;
    expired.finds(None, "after it was not replaced").await;
}

async fn only_the_value_itself_is_removed(subject: &Subject) {
    let [case, longer, empty] =
        ["removed", "removed ", "removed, empty"].map(|key| subject.case(SENTENCE, key));
    for case in [&case, &longer] {
        case.set(b"old", None).await;
    }
    case.replaces(
        b"other",
        None,
        None,
        false,
        "by nothing, that is not the value",
    )
    .await;
    case.finds(Some(b"old"), "after it was not removed").await;
    case.replaces(b"old", None, None, true, "by nothing").await;
    case.finds(None, "after it was removed").await;
    case.replaces(b"old", None, None, false, "by nothing, of an absent key")
        .await;
    case.adds(b"new", None, true, "to a key that was removed")
        .await;
    case.finds(Some(b"new"), "after it was added").await;
    longer
        .finds(Some(b"old"), "after its neighbour was removed")
        .await;

    empty.set(b"", None).await;
    empty.replaces(b"", None, None, true, "by nothing").await;
    empty.finds(None, "after it was removed").await;
}

/// Sentence 11: Of many that replace the same value at once, `replace` SHOULD tell one that it did.
pub async fn of_many_that_replace_a_value_at_once_one_is_told_that_it_did(subject: &Subject) {
    let sentence =
        "11. Of many that replace the same value at once, `replace` SHOULD tell one that it did";
    let case = subject.case(sentence, "replaced by many");
    for _ in 0..ROUNDS {
        case.set(b"old", None).await;
        let start = Arc::new(Barrier::new(CALLERS));
        let mut callers = JoinSet::new();
        for number in 0..CALLERS {
            let (store, key, start) = (
                Arc::clone(&subject.store),
                case.key.clone(),
                Arc::clone(&start),
            );
            // Every fourth removes it.
            let new = (number % 4 > 0).then(|| Bytes::from(format!("caller {number}")));
            callers.spawn(async move {
                start.wait().await;
                let replaced = store.replace(&key, b"old", new.clone(), None).await;
                replaced.map(|replaced| replaced.then_some(new))
            });
        }
        let mut winners = Vec::new();
        for replaced in callers.join_all().await {
            match replaced {
                Ok(won) => winners.extend(won),
                Err(error) => case.fail(&format!("one of many replaces failed: {error}")),
            }
        }
        let [winner] = &winners[..] else {
            case.fail(&format!(
                "{} of {CALLERS} were told that they did",
                winners.len()
            ));
        };
        case.finds(winner.as_deref(), "after it was replaced by one of many")
            .await;
    }
}
