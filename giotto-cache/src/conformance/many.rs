//! Sentence 10 of the contract: many keys at once.
//!
//! No step of a request.

use std::time::Duration;

use super::case::Case;
use super::samples::keys;
use super::subject::{EXPIRE, SLACK, Subject};

/// The number of keys in one `get_many`.
const MANY: usize = 300;

/// Sentence 10: `get_many` MUST return what `get` returns of each key, in their order.
pub async fn get_many_returns_what_get_returns_of_each_key_in_their_order(subject: &Subject) {
    let sentence = "10. `get_many` MUST return what `get` returns of each key, in their order, however many they are \
                    and however often one is among them";
    let mut names = keys(&subject.prefix);
    names.extend((names.len()..MANY).map(|number| format!("many {number}")));
    let cases = names.iter().enumerate().map(|(number, name)| {
        let value = match number % 4 {
            0 => None,
            1 => Some(Vec::new()),
            _ => Some(format!("{number}\r\nEND\r\n\0").into_bytes()),
        };
        (subject.case(sentence, &format!("{name}, of many")), value)
    });
    let mut cases: Vec<_> = cases.collect();
    for (case, value) in &cases {
        if let Some(value) = value {
            case.set(value, None).await;
        }
    }
    let (expired, value) = &mut cases[2];
    expired.set(b"value", Some(Duration::from_millis(1))).await;
    *value = None;
    subject.pass(EXPIRE + SLACK).await;

    // None at all, one, all in an order of their own, and each twice.
    let scattered = (0..MANY).map(|number| number * 7 % MANY).collect();
    let twice = (0..2 * MANY).map(|number| number / 2).collect();
    for asked in [vec![], vec![0], vec![3], scattered, twice] {
        let asked = asked.into_iter().map(|number| &cases[number]);
        gets_many(&subject.case(sentence, "one of many"), asked).await;
    }
}

async fn gets_many<'c>(
    any: &Case<'_>,
    asked: impl Iterator<Item = &'c (Case<'c>, Option<Vec<u8>>)>,
) {
    let asked: Vec<_> = asked.collect();
    let keys: Vec<_> = asked.iter().map(|(case, _)| case.key.as_str()).collect();
    let operation = format!("a get_many of {} keys", keys.len());
    let found = match any.store.get_many(&keys).await {
        Ok(found) if found.len() == keys.len() => found,
        Ok(found) => any.fail(&format!("{operation} returned {}", found.len())),
        Err(error) => any.fail(&format!("{operation} failed: {error}")),
    };
    for ((case, value), found) in asked.into_iter().zip(found) {
        case.is(value.as_deref(), found.as_deref(), &operation);
    }
}
