//! The shape of a type, as serde sees it: the names and kinds of its fields and variants, and those of theirs.
//!
//! Before a lookup. A fingerprint of it is the media type in the key of a function's results, so that what was stored as
//! another type is not found. It is taken once for each type in a process, from the type's own `Deserialize`: `explorer.rs`
//! asks it for one part after the other, and `probe.rs` keeps account.

mod explorer;
mod probe;

use std::any::{TypeId, type_name};
use std::cell::Cell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock};

use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

use self::explorer::Explorer;
use self::probe::Probe;
use crate::function::encoding::VERSION;

/// What is known of types, not of values: caches have nothing in common by it.
static MEDIA_TYPES: RwLock<Option<HashMap<TypeId, &'static str>>> = RwLock::new(None);

/// How many types a thread may remember.
const PLACES: usize = 64;

thread_local! {
    /// What this thread has asked for lately, each at the place of its type: every hit asks, and a lock takes longer.
    static REMEMBERED: [Cell<Option<(TypeId, &'static str)>>; PLACES] = const { [const { Cell::new(None) }; PLACES] };
}

/// The media type of values of type `T`: `value/` and the fingerprint.
pub(crate) fn media_type<T: DeserializeOwned + 'static>() -> &'static str {
    let id = TypeId::of::<T>();
    // By the address of its name. Another type may have the same place.
    let place = type_name::<T>().as_ptr().addr() % PLACES;
    REMEMBERED.with(|remembered| match remembered[place].get() {
        Some((own, media_type)) if own == id => media_type,
        _ => {
            let media_type = shared_media_type::<T>(id);
            remembered[place].set(Some((id, media_type)));
            media_type
        }
    })
}

/// The same, by what all threads know.
fn shared_media_type<T: DeserializeOwned>(id: TypeId) -> &'static str {
    let known = MEDIA_TYPES.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.as_ref().and_then(|known| known.get(&id)) {
        return known;
    }
    drop(known);
    let shape = shape::<T>();
    let fingerprint = xxh3_64(format!("{VERSION} {shape}").as_bytes());
    let mut known = MEDIA_TYPES.write().unwrap_or_else(PoisonError::into_inner);
    // A program has so many types, and no more.
    known
        .get_or_insert_default()
        .entry(id)
        .or_insert_with(|| format!("value/{fingerprint:016x}").leak())
}

/// The shape of `T` as text.
fn shape<T: DeserializeOwned>() -> String {
    let mut probe = Probe::default();
    loop {
        // Most runs end in an error, by which they leave the type. A `Deserialize` written by hand may also panic over a value
        // that it does not expect.
        let run = AssertUnwindSafe(|| T::deserialize(Explorer::new(&mut probe)).is_ok());
        let _ = catch_unwind(run);
        if !probe.turn() {
            return probe.into_text();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};
    use std::num::NonZeroU8;
    use std::time::Duration;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "its shape is what counts")]
    struct User {
        id: u64,
        name: String,
        boss: Option<Box<Self>>,
        logins: Vec<Login>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "its shape is what counts")]
    enum Login {
        Never,
        Ago(Duration),
        At(u64, NonZeroU8, Place),
        In {
            place: Place,
            by: BTreeMap<u8, char>,
        },
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "its shape is what counts")]
    struct Place((f64, f64));

    #[test]
    fn the_shape_has_all_names_and_kinds() {
        let text = shape::<User>();
        for part in [
            "struct User {id,name,boss,logins}",
            "u64:u64",
            "string:String",
            "option:Option<Box<User>>",
            "seen:User",
            "seq:Vec<Login>",
            "enum Login {Never,Ago,At,In}",
            "unit",
            "struct Duration {secs,nanos}",
            "tuple 3",
            "u8:NonZero<u8>",
            "newtype Place",
            "f64:f64",
            "fields {place,by}",
            "map:BTreeMap<u8, char>",
            "char:char",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    /// Each `mod` is the same type at another time.
    macro_rules! versions {
        ($shapes:ident: $($name:ident $body:tt)*) => {
            $(mod $name {
                #[derive(serde::Deserialize)]
                #[expect(dead_code, reason = "its shape is what counts")]
                pub(super) struct Price $body

                #[derive(serde::Deserialize)]
                #[expect(dead_code, reason = "its shape is what counts")]
                pub(super) struct Order(pub(super) Vec<(u8, Option<Price>)>);
            })*
            let $shapes = [$((stringify!($name), shape::<$name::Order>())),*];
        };
    }

    #[test]
    fn a_change_deep_in_a_type_is_a_change_of_its_shape() {
        versions! {
            shapes:
            first { amount: u64, currency: String }
            the_same { amount: u64, currency: String }
            another_name { cents: u64, currency: String }
            another_kind { amount: i64, currency: String }
            another_type { amount: u64, currency: std::path::PathBuf }
            one_more { amount: u64, currency: String, note: Option<String> }
            one_less { amount: u64 }
            another_order { currency: String, amount: u64 }
            a_default { amount: u64, #[serde(default)] currency: Option<String> }
            renamed { #[serde(rename = "cents")] amount: u64, currency: String }
        }
        for (name, shape) in &shapes[1..] {
            assert_eq!(
                *shape == shapes[0].1,
                matches!(*name, "the_same"),
                "{name}: {shape}"
            );
        }
        let mut others: Vec<_> = shapes[2..].iter().map(|(_, shape)| shape).collect();
        others.sort();
        others.dedup();
        // A field that is renamed for serde is another name, and nothing else.
        assert_eq!(others.len(), shapes.len() - 3);
    }

    #[test]
    fn a_change_of_a_variant_is_a_change_of_the_shape() {
        mod one {
            #[derive(serde::Deserialize)]
            #[expect(dead_code, reason = "its shape is what counts")]
            pub(super) enum State {
                On,
                Off(u8),
            }
        }
        mod other {
            #[derive(serde::Deserialize)]
            #[expect(dead_code, reason = "its shape is what counts")]
            pub(super) enum State {
                On,
                Off(u16),
            }
        }
        assert_ne!(shape::<one::State>(), shape::<other::State>());
        assert_ne!(shape::<Vec<u8>>(), shape::<Option<u8>>());
        assert_ne!(shape::<(u8, u16)>(), shape::<(u8, u8)>());
        assert_ne!(shape::<HashMap<u8, u8>>(), shape::<HashMap<u8, u16>>());
        assert_ne!(shape::<Result<u8, u8>>(), shape::<Result<u8, u16>>());
        assert_ne!(shape::<[u8; 4]>(), shape::<[u8; 5]>());
    }

    /// `std::net::IpAddr` reads a text, and fails for that of the probe.
    #[test]
    fn what_is_behind_a_field_that_refuses_the_probe_is_seen() {
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "its shape is what counts")]
        struct Visit {
            from: std::net::IpAddr,
            count: u32,
        }
        let text = shape::<Visit>();
        assert!(
            text.contains("str:IpAddr") && text.contains("u32:u32"),
            "{text}"
        );
    }

    #[test]
    fn types_that_contain_themselves_come_to_an_end() {
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "its shape is what counts")]
        enum Tree {
            Node(Box<Self>, Box<Self>),
            Leaf(u8),
        }
        struct Endless;
        impl<'de> Deserialize<'de> for Endless {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Vec::<Self>::deserialize(deserializer).map(|_| Self)
            }
        }
        assert!(shape::<Tree>().contains("u8:u8"));
        assert!(shape::<Endless>().contains("cut"));
    }

    #[test]
    fn a_type_that_panics_has_a_shape() {
        struct Panics;
        impl<'de> Deserialize<'de> for Panics {
            fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                panic!("staged: it cannot be probed")
            }
        }
        assert_eq!(shape::<Panics>(), "");
        assert!(shape::<(u8, Panics)>().contains("u8:u8"));
    }

    #[test]
    fn a_media_type_is_the_same_each_time_and_another_for_another_type() {
        let media_type = media_type::<User>();
        assert!(media_type.starts_with("value/") && media_type.len() == 22);
        assert_eq!(media_type, super::media_type::<User>());
        assert_ne!(media_type, super::media_type::<Login>());
    }
}
