//! The golden files of extended envelopes, field by field.

use super::*;
use crate::entry::extension::Stamp;
use crate::entry::inherited::{Inherited, Link};
use crate::invalidation::generation::Generation;
use crate::policy::Policy;

const NOW: u64 = 1_700_000_000_000;

fn key() -> Key {
    Key::new("squared", "{'x': 12}", "text/html")
}

fn generation(soft: u64, hard: u64) -> Generation {
    let raw = [soft.to_le_bytes(), hard.to_le_bytes()].concat();
    Generation::take(&mut &raw[..]).unwrap()
}

fn metadata() -> Metadata {
    let fields = [
        ("content-language", "de"),
        ("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT"),
    ];
    Metadata::new(Some(201), fields).unwrap()
}

fn extension(metadata: Metadata) -> Extension {
    Extension {
        version: 7,
        retry_at: 0,
        program: generation(0x1111, 0x2222),
        metadata,
        decoded_length: None,
        tags: vec![Stamp {
            tag: "user:7".to_owned(),
            generation: generation(0x3333, 0x4444),
        }],
        inherited: Inherited::default(),
    }
}

fn sealed(extension: Extension) -> Envelope {
    sealed_under(Policy::seconds(3600), extension)
}

fn sealed_under(policy: Policy, extension: Extension) -> Envelope {
    let draft = Draft {
        key: &key(),
        clocks: policy.clocks(NOW, 0.0),
        cost: Duration::from_micros(1234),
        is_negative: false,
        has_own_time: false,
        extension,
        body: b"<p>144</p>",
        etag: None,
    };
    Envelope::seal(&draft, &Signer::default())
}

/// The files were written by a Python script from the tables of the layout, with Python's `xxhash`.
#[test]
fn extended_entries_are_read_and_written_to_this_day() {
    let version_2: &[u8] = include_bytes!("../../../tests/golden/entry-v2.bin");
    let version_3: &[u8] = include_bytes!("../../../tests/golden/entry-v3-tagged.bin");
    for (golden, metadata) in [(version_2, Metadata::default()), (version_3, metadata())] {
        let extension = extension(metadata.clone());
        assert_eq!(sealed(extension.clone()).raw(), golden);
        let signer = Signer::default();
        let envelope = Envelope::open(Bytes::from_static(golden), &key(), false, &signer).unwrap();
        assert_eq!(envelope.extension(), Some(extension));
        assert_eq!(envelope.metadata().unwrap_or_default(), metadata);
        assert_eq!(envelope.body(), "<p>144</p>");
        assert!(!envelope.is_plain());
        assert_eq!(keep_until(golden), Some(NOW + 3_600_000));
    }
}

/// The file was written by the same script.
#[test]
fn an_entry_that_is_kept_for_longer_than_it_is_served_is_read_and_written_to_this_day() {
    let golden: &[u8] = include_bytes!("../../../tests/golden/entry-v4.bin");
    let policy = Policy::seconds(3600)
        .stale_while_revalidate(600)
        .stale_if_error(7200)
        .keep(86_400);
    let extension = extension(metadata());
    assert_eq!(sealed_under(policy, extension.clone()).raw(), golden);
    let envelope = Envelope::open(
        Bytes::from_static(golden),
        &key(),
        false,
        &Signer::default(),
    )
    .unwrap();
    let clocks = envelope.clocks();
    assert_eq!(clocks, policy.clocks(NOW, 0.0));
    assert_eq!(clocks.error_until, NOW + 3_600_000 + 7_200_000);
    assert_eq!(keep_until(golden), Some(clocks.error_until + 86_400_000));
    assert_eq!(envelope.extension(), Some(extension));
    assert_eq!(envelope.metadata(), Some(metadata()));
    assert_eq!(envelope.body(), "<p>144</p>");
    assert!(!envelope.is_plain());
}

/// The file is in the repository: what one build has stored is read by the next.
#[test]
fn an_entry_that_has_inherited_something_is_read_and_written_to_this_day() {
    let golden: &[u8] = include_bytes!("../../../tests/golden/entry-v2-inherited.bin");
    let link = |depth, limits, key: &str| Link {
        depth,
        limits,
        tags: 1,
        key: key.to_owned(),
    };
    let extension = Extension {
        inherited: Inherited {
            programs: vec![("user".to_owned(), generation(0x5555, 0x6666))],
            links: vec![
                link(1, true, "{'id': 7}(user)(text/plain)"),
                link(2, false, "(nav)(text/plain)"),
            ],
            left_out: 300,
        },
        ..extension(Metadata::default())
    };
    assert_eq!(sealed(extension.clone()).raw(), golden);
    let signer = Signer::default();
    let envelope = Envelope::open(Bytes::from_static(golden), &key(), false, &signer).unwrap();
    assert_eq!(envelope.extension(), Some(extension));
    assert_eq!(envelope.body(), "<p>144</p>");
    assert!(!envelope.is_plain());
}

#[test]
fn it_takes_the_new_format_only_if_it_is_kept_for_longer() {
    let version = |policy| sealed_under(policy, Extension::default()).raw()[4];
    let served = Policy::seconds(60).stale_if_error(600);
    assert_eq!(version(served), PLAIN);
    assert_eq!(version(served.keep(1)), KEPT);
    let kept = sealed_under(served.keep(1), Extension::default());
    assert!(kept.is_plain(), "the time to live alone decides");
    assert_eq!(kept.extension(), Some(Extension::default()));
    assert_eq!(kept.metadata(), Some(Metadata::default()));
    // Resealed under clocks that are the same, it is as before.
    assert_eq!(kept.clocks(), served.keep(1).clocks(NOW, 0.0));
}

#[test]
fn with_nothing_but_metadata_the_time_to_live_alone_decides() {
    let described = || Extension {
        metadata: metadata(),
        ..Extension::default()
    };
    assert!(sealed(described()).is_plain());
    assert!(sealed_under(Policy::seconds(3600).keep(60), described()).is_plain());
    for other in [
        Extension {
            version: 1,
            ..described()
        },
        Extension {
            retry_at: 1,
            ..described()
        },
        Extension {
            program: generation(0, 1),
            ..described()
        },
        Extension {
            tags: extension(metadata()).tags,
            ..described()
        },
    ] {
        for policy in [Policy::seconds(3600), Policy::seconds(3600).keep(60)] {
            let envelope = sealed_under(policy, other.clone());
            assert!(!envelope.is_plain(), "{other:?}");
            assert_eq!(envelope.extension(), Some(other.clone()));
        }
    }
}

/// As many fields and bytes as there may be, and the tags behind them.
#[test]
fn the_longest_metadata_comes_back() {
    let value = |number: usize| "v".repeat(if number < 32 { 440 } else { 50 });
    let fields = (0..64).map(|number| (format!("x-{number:03}"), value(number)));
    let longest = Metadata::new(Some(201), fields).unwrap();
    assert_eq!(longest.fields().count(), 64);
    let length = longest.encoded().len();
    assert!((16_000..=16 << 10).contains(&length), "{length}");
    for policy in [Policy::seconds(60), Policy::seconds(60).keep(60)] {
        let sealed = sealed_under(policy, extension(longest.clone()));
        let raw = sealed.raw().clone();
        let opened = Envelope::open(raw, &key(), false, &Signer::default()).unwrap();
        assert_eq!(opened.extension(), Some(extension(longest.clone())));
        assert_eq!(opened.clocks(), policy.clocks(NOW, 0.0));
    }
}

/// With a right checksum: a client of the store can compute it.
#[test]
fn metadata_that_no_giotto_has_written_does_not_open() {
    let raw = sealed(extension(metadata())).raw().to_vec();
    let at = HEADER + key().as_str().len() + "text/html".len() + 34;
    let open = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut raw = raw.clone();
        change(&mut raw);
        let sum = checksum(&raw);
        raw[8..16].copy_from_slice(&sum.to_le_bytes());
        Envelope::open(Bytes::from(raw), &key(), false, &Signer::default()).map(|_| ())
    };
    assert_eq!(open(&|_| ()), Ok(()));
    let later_coding = open(&|raw| raw[at + 32] = 2);
    assert_eq!(later_coding, Err(Undecodable::Version));
    let name = at + 43 + 3;
    let value = name + "content-language".len() + 2;
    for change in [
        &|raw: &mut Vec<u8>| raw[name] = b'C',
        &|raw: &mut Vec<u8>| raw[name] = b':',
        &|raw: &mut Vec<u8>| raw[value] = b'\n',
        &|raw: &mut Vec<u8>| raw[name - 1] = 0,
        &|raw: &mut Vec<u8>| raw[at + 41..at + 43].fill(0xff),
        &|raw: &mut Vec<u8>| raw[at + 41] -= 1,
        &|raw: &mut Vec<u8>| raw[at..at + 4].copy_from_slice(&40_u32.to_le_bytes()),
        &|raw: &mut Vec<u8>| raw[at..at + 4].fill(0xff),
    ] as [&dyn Fn(&mut Vec<u8>); 8]
    {
        assert_eq!(open(change), Err(Undecodable::Foreign));
    }
}

/// What is between the metadata and the tags cannot be left out, and no value of it makes the entry immortal.
#[test]
fn an_extension_of_version_4_without_its_moment_does_not_open() {
    let policy = Policy::seconds(60).keep(60);
    let raw = sealed_under(policy, Extension::default()).raw().to_vec();
    let at = HEADER + key().as_str().len() + "text/html".len() + 34;
    let open = |raw: &[u8], change: &dyn Fn(&mut Vec<u8>)| {
        let mut raw = raw.to_vec();
        change(&mut raw);
        let sum = checksum(&raw);
        raw[8..16].copy_from_slice(&sum.to_le_bytes());
        Envelope::open(Bytes::from(raw), &key(), false, &Signer::default())
    };
    for length in 32..51_u32 {
        let opened = open(&raw, &|raw| {
            raw[at..at + 4].copy_from_slice(&length.to_le_bytes());
        });
        assert_eq!(opened.map(|_| ()), Err(Undecodable::Foreign), "{length}");
    }
    let opened = open(&raw, &|raw| raw[at + 43..at + 51].fill(0xff)).unwrap();
    assert_eq!(opened.clocks().error_until, u64::MAX);
    let limited = opened.clocks().limited(&policy, false, false, NOW);
    assert_eq!(limited, policy.clocks(NOW, 0.0));
    // The moment is none of version 3: there it would be a tag.
    let as_version_3 = open(&raw, &|raw| raw[4] = DESCRIBED).unwrap();
    assert_eq!(as_version_3.extension(), None);
}
