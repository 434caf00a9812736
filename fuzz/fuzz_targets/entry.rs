//! Any bytes as the stored entry of any key: nothing panics, and nothing opens that was not sealed.
//!
//! `cargo +nightly fuzz run entry`.
#![no_main]

use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{Entry, Key, Metadata, Policy};
use libfuzzer_sys::fuzz_target;

type Input<'a> = (&'a str, &'a str, &'a str, bool, [u64; 2], &'a [u8]);

fuzz_target!(|input: Input<'_>| {
    let (program, arguments, mimetype, trusted, [now_ms, position], raw) = input;
    let key = Key::new(program, arguments, mimetype);
    ask(raw, &key, now_ms, trusted);

    // The same bytes as a body: they come back, but not from an envelope that was changed or cut.
    let sealed = Entry::seal(&key, Policy::seconds(1), now_ms, Duration::ZERO, raw);
    let mut envelope = sealed.to_bytes().to_vec();
    let is_opened = ask(&envelope, &key, now_ms, trusted).is_some_and(|entry| entry.body() == raw);
    assert!(is_opened || mimetype.len() > usize::from(u16::MAX) / 3);

    // And as the value of a field, if it may be one.
    if let Ok(metadata) = Metadata::new(Some(201), [("link", raw)]) {
        let policy = Policy::seconds(1);
        let sealed = Entry::seal_described(&key, policy, now_ms, Duration::ZERO, raw, &metadata);
        envelope = sealed.to_bytes().to_vec();
        let opened = ask(&envelope, &key, now_ms, trusted);
        let is_read = opened.is_some_and(|entry| entry.metadata() == Some(metadata));
        assert!(is_read || mimetype.len() > usize::from(u16::MAX) / 3);
    }

    let bit = position as usize % (envelope.len() * 8);
    assert!(ask(&envelope[..bit / 8], &key, now_ms, false).is_none());
    envelope[bit / 8] ^= 1 << (bit % 8);
    assert!(ask(&envelope, &key, now_ms, false).is_none());
    ask(&envelope, &key, now_ms, true);
});

/// The entry, if it opens, after it was asked everything.
fn ask(raw: &[u8], key: &Key, now_ms: u64, trusted: bool) -> Option<Entry> {
    let entry = Entry::open(Bytes::copy_from_slice(raw), key, trusted).ok()?;
    let _ = (entry.body(), entry.etag(), entry.created_ms());
    let fields = entry.metadata().unwrap_or_default();
    assert!(fields.fields().count() <= 64);
    let _ = (
        entry.is_fresh(now_ms),
        entry.fresh_for(now_ms),
        entry.keep_for(now_ms),
    );
    assert_eq!(entry.to_bytes(), raw);
    Some(entry)
}
