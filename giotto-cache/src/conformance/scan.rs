//! Sentence 12 of the contract: what is enumerated.
//!
//! No step of a request.

use std::collections::HashSet;

use bytes::Bytes;

use super::samples::keys;
use super::subject::Subject;
use crate::keyvalue::KeyValue;
use crate::keyvalue::scan::{Scan, StoredValue, head_of};

const SENTENCE: &str = "12. `scan`, where it is implemented, MUST come to an end, MUST return every key of this store's \
                        namespace that is there all the time and no key of another, and MUST tell the length and the \
                        beginning of its value, if it tells them";

/// A key that only the neighbour has.
const THEIRS: &str = "of a neighbour";

/// The keys that are looked at for a page: fewer than there are.
const LIMIT: usize = 7;
/// No enumeration of these keys has as many pages.
const MOST_PAGES: usize = 1_000;

/// Sentence 12: `scan`, where it is implemented, MUST come to an end, MUST return every key of this store's namespace that is
/// there all the time and no key of another, and MUST tell the length and the beginning of its value, if it tells them.
pub async fn scan_returns_every_key_of_this_namespace_and_the_beginning_of_its_value(
    subject: &Subject,
) {
    let mut keys = keys(&subject.prefix);
    keys.retain(|key| key.len() < 50_000);
    let value = |number: usize| vec![b'v'; 1 + 37 * number];
    for (number, key) in keys.iter().enumerate() {
        subject.case(SENTENCE, key).set(&value(number), None).await;
    }
    let theirs = format!("{}{THEIRS}", subject.prefix);
    if let Some(neighbour) = &subject.neighbour {
        let set = neighbour.set(&theirs, Bytes::from_static(b"neighbour"), None);
        if let Err(error) = set.await {
            panic!("{SENTENCE}\n  a set of the neighbour failed: {error}");
        }
    }
    let found = all(subject, &Scan::new(LIMIT)).await;
    let digests = found.iter().filter(|value| value.key.is_none()).count();
    let mut unseen = 0;
    for (number, key) in keys.iter().enumerate() {
        let case = subject.case(SENTENCE, key);
        let is_it = |value: &&StoredValue| value.key.as_ref() == Some(&case.key);
        match found.iter().find(is_it) {
            Some(found) => is_told(found, &case.key, &value(number), |what| case.fail(what)),
            None if unseen < digests => unseen += 1,
            None => case.fail("it is there, and scan did not return it"),
        }
    }
    let mut keys = found.iter().filter_map(|value| value.key.as_deref());
    if keys.any(|key| key == theirs) {
        subject
            .case(SENTENCE, THEIRS)
            .fail("scan returned it, and only a neighbour has it");
    }
    a_part_is_in_every_key_that_is_found(subject).await;
}

/// What is told of the value of `key` is true.
fn is_told(found: &StoredValue, key: &str, value: &[u8], fail: impl Fn(&str)) {
    let least = value.len().min(head_of(key.len()));
    match &found.head {
        Some(head) if head.len() < least || !value.starts_with(head) => {
            fail(&format!(
                "scan told {} bytes that its value does not begin with",
                head.len()
            ));
        }
        Some(_) if found.bytes != Some(value.len() as u64) => {
            fail(&format!(
                "scan said that its value has {:?} bytes",
                found.bytes
            ));
        }
        _ => {}
    }
}

async fn a_part_is_in_every_key_that_is_found(subject: &Subject) {
    for key in [
        "{'x': 12}(squared)(text/html)",
        "{'x': 12}(cubed)(text/html)",
        "*(squ*",
    ] {
        subject.case(SENTENCE, key).set(b"value", None).await;
    }
    let found = all(subject, &Scan::new(LIMIT).containing("(squared)(")).await;
    let keys = found.iter().filter_map(|value| value.key.as_deref());
    let ours: HashSet<_> = keys
        .filter(|key| key.starts_with(&subject.prefix))
        .collect();
    let squared = subject.case(SENTENCE, "{'x': 12}(squared)(text/html)");
    let is_in_all = ours.iter().all(|key| key.contains("(squared)("));
    if !is_in_all || !ours.contains(squared.key.as_str()) {
        squared.fail(&format!(
            "a scan of the keys that contain (squared)( returned {ours:?}"
        ));
    }
}

async fn all(subject: &Subject, scan: &Scan) -> Vec<StoredValue> {
    let (store, mut scan): (&dyn KeyValue, _) = (&*subject.store, scan.clone());
    let mut found = Vec::new();
    for _ in 0..MOST_PAGES {
        let page = match store.scan(&scan).await {
            Ok(page) => page,
            Err(error) => {
                panic!("{store:?} breaks its contract:\n  {SENTENCE}\n  scan failed: {error}")
            }
        };
        found.extend(page.values);
        match page.next {
            None => return found,
            next => scan = scan.after(next),
        }
    }
    panic!(
        "{store:?} breaks its contract:\n  {SENTENCE}\n  scan has no end after {MOST_PAGES} pages"
    );
}
