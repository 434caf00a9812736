//! The bytes of a result: MessagePack, with the names of fields and variants.
//!
//! Step 6 of a lookup encodes what a function returned, and a hit decodes it. Names make values larger than bare ones, and every
//! attribute of serde works with them: `flatten`, `untagged`, `tag`, `default`, `skip_serializing_if`. What the names do not
//! tell apart, the fingerprint of the type does (`shape/`), which is part of the key.
//!
//! MessagePack: <https://github.com/msgpack/msgpack/blob/master/spec.md>. It writes `Some(None)` and `Some(())` as it writes
//! `None`: such a value is refused ([`Guarded`]).

use std::cell::Cell;

use rmp_serde::decode::Error as DecodeError;
use rmp_serde::{Deserializer, Serializer};
use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};

use crate::function::guarded::Guarded;

/// Changes when the encoding does: part of the fingerprint of every type.
pub(crate) const VERSION: &str = "1";

/// Values in values to this depth are decoded. What is stored may come from a hostile client, and each level takes room on the
/// stack.
const DEEPEST: usize = 256;

/// An encoded result.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) bytes: Vec<u8>,
    /// Whether it says "there is no such thing": `None`, or an `Err`.
    pub(crate) is_negative: bool,
}

/// Why a value cannot be stored, or what is stored cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it cannot be encoded: {0}")]
    Encode(#[from] rmp_serde::encode::Error),
    #[error("what was encoded cannot be decoded: {0}")]
    Decode(#[from] DecodeError),
    #[error("there are bytes behind the value")]
    TooLong,
}

/// Encodes `value`.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Encoded, Unusable> {
    let (mut bytes, is_negative) = (Vec::with_capacity(128), Cell::new(false));
    let mut serializer = Serializer::new(&mut bytes)
        .with_struct_map()
        .with_human_readable();
    Guarded::outermost(value, &is_negative).serialize(&mut serializer)?;
    let is_negative = is_negative.get();
    Ok(Encoded { bytes, is_negative })
}

/// Decodes a value, which must be all of `bytes`. Nothing in them is believed.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unusable> {
    let mut deserializer = Deserializer::from_read_ref(bytes).with_human_readable();
    deserializer.set_max_depth(DEEPEST);
    let value = T::deserialize(&mut deserializer)?;
    // The crate does not tell how much it has read. A number begins with one byte, which is only missing at the end.
    match u8::deserialize(&mut deserializer) {
        Err(DecodeError::InvalidMarkerRead(_)) => Ok(value),
        _ => Err(Unusable::TooLong),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap, HashSet};
    use std::fmt::Debug;
    use std::net::IpAddr;

    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Row {
        id: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        score: Option<f32>,
        #[serde(flatten)]
        rest: BTreeMap<String, i64>,
        from: IpAddr,
        kind: Kind,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
    #[serde(tag = "type")]
    enum Kind {
        Plain,
        From { address: IpAddr, at: (u8, i64) },
    }

    #[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
    #[serde(untagged)]
    enum Loose {
        Number(i64),
        Named { x: Option<u8> },
        Text(String),
    }

    #[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Unit;

    #[track_caller]
    fn returns<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
        let bytes = encode(value).unwrap().bytes;
        assert_eq!(decode::<T>(&bytes).unwrap(), *value);
        for cut in 0..bytes.len() {
            assert!(decode::<T>(&bytes[..cut]).is_err(), "{cut} bytes");
        }
        for byte in [0x00, 0x90, 0x91, 0xa1, 0xc0, 0xc1, 0xff] {
            let longer = [&bytes[..], &[byte]].concat();
            assert!(decode::<T>(&longer).is_err(), "and {byte:02x}");
        }
    }

    #[test]
    fn every_kind_of_value_returns_as_it_was() {
        let address = IpAddr::from([127, 0, 0, 1]);
        let kind = Kind::From {
            address,
            at: (3, i64::MIN),
        };
        for (note, kind) in [(None, Kind::Plain), (Some("it's".to_owned()), kind)] {
            returns(&Row {
                id: u64::MAX,
                note,
                score: Some(0.1),
                rest: BTreeMap::from([("a".to_owned(), -1), ("b".to_owned(), i64::MAX)]),
                from: address,
                kind,
            });
        }
        let loose = [
            Loose::Number(-7),
            Loose::Named { x: None },
            Loose::Text("a".to_owned()),
        ];
        returns(&loose.to_vec());
        returns(&(
            u128::MAX,
            i128::MIN,
            f64::MIN_POSITIVE,
            '\u{10ffff}',
            [true; 3],
            Unit,
        ));
        returns(&HashMap::from([(1_u16, vec![0_u8, 255]), (2, Vec::new())]));
        returns(&HashSet::from(["a".to_owned(), "b".to_owned()]));
        returns(&Ok::<Option<u8>, String>(Some(7)));
        returns(&Some(Unit));
    }

    #[test]
    fn a_value_that_would_return_as_another_one_is_refused() {
        let refused = [
            encode(&Some(None::<u8>)).is_err(),
            encode(&Some(Some(None::<u8>))).is_err(),
            encode(&Some(())).is_err(),
            encode(&vec![(1, Some(Box::new(None::<String>)))]).is_err(),
            encode(&BTreeMap::from([(1, Ok::<_, u8>(Some(())))])).is_err(),
        ];
        assert_eq!(refused, [true; 5]);
        let error = encode(&Some(())).unwrap_err().to_string();
        assert!(error.contains("`Some` of nothing"), "{error}");
        returns(&Some(Some(7)));
        returns(&Some(vec![None, Some(1)]));
    }

    #[test]
    fn none_and_an_error_are_negative_where_they_are_the_result() {
        assert!(encode(&None::<u8>).unwrap().is_negative);
        assert!(encode(&Box::new(None::<u8>)).unwrap().is_negative);
        assert!(encode(&Err::<u8, _>("no")).unwrap().is_negative);
        assert!(!encode(&()).unwrap().is_negative);
        assert!(!encode(&Some(7)).unwrap().is_negative);
        assert!(!encode(&Ok::<_, u8>(None::<u8>)).unwrap().is_negative);
        assert!(!encode(&vec![None::<u8>]).unwrap().is_negative);
        assert!(!encode(&(Err::<u8, _>("no"), 1)).unwrap().is_negative);
    }

    #[test]
    fn values_in_values_are_decoded_to_a_depth() {
        #[derive(Debug, Serialize, serde::Deserialize)]
        struct Nested(Vec<Self>);
        let nested = |depth| {
            let mut bytes = vec![0x91; depth];
            bytes.push(0x90);
            decode::<Nested>(&bytes).is_ok()
        };
        assert!(nested(100));
        assert!(!nested(DEEPEST));
        assert!(!nested(1_000_000));
    }
}
