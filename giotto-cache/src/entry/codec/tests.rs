//! The golden files of extended envelopes, field by field.

use super::*;
use crate::entry::extension::Stamp;
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
    }
}

fn sealed(extension: Extension) -> Envelope {
    let draft = Draft {
        key: &key(),
        clocks: Policy::seconds(3600).clocks(NOW, 0.0),
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

#[test]
fn with_nothing_but_metadata_the_time_to_live_alone_decides() {
    let described = || Extension {
        metadata: metadata(),
        ..Extension::default()
    };
    assert!(sealed(described()).is_plain());
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
        let envelope = sealed(other.clone());
        assert!(!envelope.is_plain(), "{other:?}");
        assert_eq!(envelope.extension(), Some(other));
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
        Envelope::open(raw.into(), &key(), false, &Signer::default()).map(|_| ())
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
