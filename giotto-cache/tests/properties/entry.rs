//! The entry: what is sealed opens as it was, and nothing else opens.

use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{Entry, Key, Metadata, Policy, Undecodable};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::strings;

const START_MS: u64 = 1_700_000_000_000;

fn squared() -> Key {
    Key::new("squared", "{'x': 12}", "text/html")
}

fn sealed() -> Entry {
    let cost = Duration::from_micros(1234);
    Entry::seal(
        &squared(),
        Policy::seconds(3600),
        START_MS,
        cost,
        b"<p>144</p>",
    )
}

fn metadata() -> Metadata {
    let fields = [
        ("content-language", "de"),
        ("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT"),
    ];
    Metadata::new(Some(201), fields).unwrap()
}

fn described() -> Entry {
    let cost = Duration::from_micros(1234);
    let (policy, body) = (Policy::seconds(3600), b"<p>144</p>");
    Entry::seal_described(&squared(), policy, START_MS, cost, body, &metadata())
}

/// Kept for longer than it may be served.
fn kept() -> Entry {
    let cost = Duration::from_micros(1234);
    let (policy, body) = (Policy::seconds(3600).keep(60), b"<p>144</p>");
    Entry::seal_described(&squared(), policy, START_MS, cost, body, &metadata())
}

/// Any metadata that may be stored.
fn any_metadata() -> impl Strategy<Value = Metadata> {
    let status = proptest::option::of(1..=u16::MAX);
    let fields = proptest::collection::btree_map(
        "[a-z0-9!#$%&'*+.^_`|~-]{1,12}",
        "[\\t -~\u{e9}]{0,40}",
        0..8,
    );
    (status, fields).prop_map(|(status, fields)| Metadata::new(status, fields).unwrap())
}

fn policies() -> impl Strategy<Value = Policy> {
    let from_ms = |ms| Policy::try_from(Duration::from_millis(ms)).unwrap();
    prop_oneof![
        any::<u64>().prop_map(Policy::seconds),
        (1..=u64::MAX).prop_map(from_ms),
        (any::<u64>(), 1..=u64::from(u32::MAX))
            .prop_map(|(fresh, keep)| Policy::seconds(fresh).keep(keep)),
    ]
}

/// Bytes that get further than random ones: a header whose lengths are small, and something behind it.
fn headers() -> impl Strategy<Value = Vec<u8>> {
    let lengths = (1..=4_u8, 0..40_u16, 0..80_u32, 0..80_u32);
    let rest = (
        any::<[u8; 8]>(),
        vec(any::<u8>(), 40),
        vec(any::<u8>(), 0..100),
    );
    (lengths, rest).prop_map(|((version, mimetype, key, etag), (sum, moments, rest))| {
        let mut raw = b"GIOT".to_vec();
        raw.extend([version, 0]);
        raw.extend(mimetype.to_le_bytes());
        raw.extend(sum);
        raw.extend(moments);
        raw.extend(key.to_le_bytes());
        raw.extend(etag.to_le_bytes());
        raw.extend(squared().as_str().as_bytes());
        raw.extend(rest);
        raw
    })
}

/// Opens `raw` and asks it everything; nothing of it may panic.
fn ask(raw: &[u8], key: &Key, trusted: bool) -> Result<(), Undecodable> {
    let entry = Entry::open(Bytes::copy_from_slice(raw), key, trusted)?;
    let _ = (
        entry.body(),
        entry.etag(),
        entry.created_ms(),
        entry.to_bytes(),
        entry.metadata(),
    );
    for now_ms in [0, START_MS, u64::MAX] {
        let _ = (
            entry.is_fresh(now_ms),
            entry.fresh_for(now_ms),
            entry.keep_for(now_ms),
        );
    }
    Ok(())
}

/// The file was written by a Python script from the table in `entry.rs`, with Python's `xxhash`.
#[test]
fn what_the_first_release_wrote_is_read_and_written_to_this_day() {
    let golden: &[u8] = include_bytes!("../golden/entry-v1.bin");
    assert_eq!(sealed().to_bytes(), golden);

    let entry = Entry::open(Bytes::from_static(golden), &squared(), false).unwrap();
    assert_eq!(entry.body(), "<p>144</p>");
    assert_eq!(entry.etag(), "\"67a3ff204a1a0596cbe641d9558c3918\"");
    assert_eq!(entry.created_ms(), START_MS);
    assert_eq!(entry.fresh_for(START_MS), Some(Duration::from_secs(3600)));
    assert_eq!(
        entry.keep_for(START_MS + 1),
        Some(Duration::from_millis(3_599_999))
    );
}

/// The file was written like that of version 1.
#[test]
fn what_was_written_first_with_metadata_is_read_and_written_to_this_day() {
    let golden: &[u8] = include_bytes!("../golden/entry-v3.bin");
    assert_eq!(described().to_bytes(), golden);

    let entry = Entry::open(Bytes::from_static(golden), &squared(), false).unwrap();
    assert_eq!(entry.body(), "<p>144</p>");
    assert_eq!(entry.etag(), "\"d41419e27c972c1a1252877e715481c6\"");
    assert_eq!(entry.metadata(), Some(metadata()));
    assert_eq!(entry.fresh_for(START_MS), Some(Duration::from_secs(3600)));
}

#[test]
fn an_envelope_in_which_any_bit_was_flipped_is_an_error() {
    for raw in [sealed(), described(), kept()].map(|entry| entry.to_bytes()) {
        flip(&raw);
    }
}

fn flip(raw: &[u8]) {
    for bit in 0..raw.len() * 8 {
        let mut flipped = raw.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(ask(&flipped, &squared(), false).is_err(), "bit {bit}");
        let _ = ask(&flipped, &squared(), true);
    }
}

#[test]
fn an_envelope_that_was_cut_short_or_made_longer_is_an_error() {
    for raw in [sealed(), described(), kept()].map(|entry| entry.to_bytes()) {
        cut(&raw);
    }
}

fn cut(raw: &[u8]) {
    for length in 0..raw.len() {
        assert!(
            ask(&raw[..length], &squared(), false).is_err(),
            "{length} bytes"
        );
        assert!(
            ask(&raw[length + 1..], &squared(), false).is_err(),
            "from {length} on"
        );
        let _ = ask(&raw[..length], &squared(), true);
    }
    assert!(ask(&[raw, b"\0"].concat(), &squared(), false).is_err());
    assert!(ask(&[raw, raw].concat(), &squared(), false).is_err());
}

#[test]
fn why_an_envelope_does_not_open_is_told() {
    let open = |raw: &[u8], key: &Key| ask(raw, key, false).unwrap_err();
    let raw = sealed().to_bytes();
    let mut version_5 = raw.to_vec();
    version_5[4] = 5;
    assert_eq!(open(b"", &squared()), Undecodable::Foreign);
    assert_eq!(open(&[0; 64], &squared()), Undecodable::Foreign);
    assert_eq!(open(&raw[..63], &squared()), Undecodable::Foreign);
    assert_eq!(open(&version_5, &squared()), Undecodable::Version);
    assert_eq!(open(&raw[..64], &squared()), Undecodable::Damaged);
    for (arguments, mimetype) in [("{'x': 13}", "text/html"), ("{'x': 12}", "text/htm")] {
        let other = Key::new("squared", arguments, mimetype);
        assert_eq!(open(&raw, &other), Undecodable::OtherKey);
    }
    let mut other_length = raw.to_vec();
    other_length[6] += 1;
    let error = ask(&other_length, &squared(), true);
    assert_eq!(error, Err(Undecodable::OtherKey), "even of a trusted store");
}

#[test]
fn an_etag_tells_bodies_and_media_types_apart_and_nothing_else() {
    let seal = |mimetype, arguments, now_ms, body: &[u8]| {
        let key = Key::new("squared", arguments, mimetype);
        Entry::seal(&key, Policy::forever(), now_ms, Duration::ZERO, body).etag()
    };
    let etag = seal("text/html", "{'x': 12}", 0, b"144");
    assert_eq!(etag, seal("text/html", "{'x': -12}", START_MS, b"144"));
    assert_ne!(etag, seal("text/plain", "{'x': 12}", 0, b"144"));
    assert_ne!(etag, seal("text/html", "{'x': 12}", 0, b"145"));
    assert_ne!(etag, seal("text/html", "{'x': 12}", 0, b""));
}

#[test]
fn an_etag_tells_metadata_apart() {
    let etag = |metadata: &Metadata| {
        let key = squared();
        Entry::seal_described(&key, Policy::forever(), 0, Duration::ZERO, b"144", metadata).etag()
    };
    let none: [(&str, &str); 0] = [];
    let of = |language| Metadata::new(None, [("content-language", language)]).unwrap();
    let all = [
        Metadata::default(),
        Metadata::new(Some(201), none).unwrap(),
        of("de"),
        of("en"),
        metadata(),
    ];
    let etags: std::collections::HashSet<_> = all.iter().map(etag).collect();
    assert_eq!(etags.len(), all.len());
    assert_eq!(etag(&of("de")), etag(&of("de")));
}

proptest! {
    #[test]
    fn what_is_sealed_opens_as_it_was(
        (program, arguments, mimetype) in (strings(), strings(), strings()),
        policy in policies(),
        now_ms in any::<u64>(),
        cost in any::<Duration>(),
        body in vec(any::<u8>(), 0..2000),
        (metadata, trusted) in (any_metadata(), any::<bool>()),
    ) {
        let key = Key::new(&program, arguments, &mimetype);
        let entry = Entry::seal_described(&key, policy, now_ms, cost, &body, &metadata);
        let opened = Entry::open(entry.to_bytes(), &key, trusted).unwrap();
        prop_assert_eq!(opened.body(), body);
        prop_assert_eq!(opened.etag(), entry.etag());
        prop_assert_eq!(opened.metadata(), Some(metadata).filter(|metadata| !metadata.is_empty()));
        prop_assert_eq!(opened.created_ms(), now_ms);
        prop_assert_eq!(opened.fresh_for(now_ms), entry.fresh_for(now_ms));
        prop_assert_eq!(opened.keep_for(now_ms), entry.keep_for(now_ms));
        prop_assert!(opened.is_fresh(now_ms));
    }

    #[test]
    fn no_bytes_make_an_envelope_panic(
        raw in prop_oneof![vec(any::<u8>(), 0..300), headers()],
    ) {
        prop_assert!(ask(&raw, &squared(), false).is_err());
        let _ = ask(&raw, &squared(), true);
    }

    #[test]
    fn an_envelope_changed_anywhere_is_an_error(
        body in vec(any::<u8>(), 0..2000),
        at in any::<proptest::sample::Index>(),
        mask in 1..=u8::MAX,
    ) {
        let entry = Entry::seal(&squared(), Policy::forever(), START_MS, Duration::ZERO, &body);
        let mut raw = entry.to_bytes().to_vec();
        let at = at.index(raw.len());
        raw[at] ^= mask;
        prop_assert!(ask(&raw, &squared(), false).is_err());
        prop_assert!(ask(&raw[..at], &squared(), false).is_err());
        let _ = ask(&raw, &squared(), true);
    }

    #[test]
    fn an_envelope_opens_for_no_other_key(
        (program, arguments, mimetype) in (strings(), strings(), strings()),
        trusted in any::<bool>(),
    ) {
        let key = Key::new(&program, arguments, &mimetype);
        prop_assert!(key == squared() || ask(&sealed().to_bytes(), &key, trusted).is_err());
    }
}
