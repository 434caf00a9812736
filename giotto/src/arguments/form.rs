//! What the text of a value looks like, by what its type has asked serde for.

use std::any::type_name;
use std::fmt;

use serde::de::Visitor;

/// What a type has asked for, as far as it changes the text.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Any,
    Float,
    List,
    Tuple,
    /// Its order is no part of it.
    Set,
    /// Nor is this one's.
    Map,
    Struct(&'static [&'static str]),
}

impl Form {
    /// Of a list that is read by `V`.
    pub(super) fn list<'de, V: Visitor<'de>>() -> Self {
        let name = type_name::<V::Value>();
        let sets = [
            "std::collections::hash::set::HashSet<",
            "alloc::collections::btree::set::BTreeSet<",
        ];
        match of(name, &sets).is_some_and(is_ordered_by_value::<V>) {
            true => Self::Set,
            false => Self::List,
        }
    }

    /// Of a map that is read by `V`.
    pub(super) fn map<'de, V: Visitor<'de>>() -> Self {
        let name = type_name::<V::Value>();
        let maps = [
            "std::collections::hash::map::HashMap<",
            "alloc::collections::btree::map::BTreeMap<",
        ];
        match of(name, &maps).is_some_and(is_ordered_by_value::<V>) {
            true => Self::Map,
            false => Self::Any,
        }
    }

    /// The text of a list of these `items`.
    pub(super) fn of_items(self, mut items: Vec<String>) -> String {
        if matches!(self, Self::Set) {
            items.sort_unstable();
            items.dedup();
        }
        let text = items.join(", ");
        match (self, items.len()) {
            (Self::Tuple, 1) => format!("({text},)"),
            (Self::Tuple, _) => format!("({text})"),
            _ => format!("[{text}]"),
        }
    }

    /// The text of a map or a struct with these `members`.
    pub(super) fn of_members(self, mut members: Vec<Member>) -> String {
        match self {
            Self::Map => members.sort_by(|one, other| one.name.cmp(&other.name)),
            Self::Struct(fields) if members.iter().all(|member| member.is_field) => {
                let place = |member: &Member| {
                    let name = member.name.trim_matches('\'');
                    fields.iter().position(|field| name == *field)
                };
                members.retain(|member| !member.is_ignored);
                members.sort_by_key(place);
            }
            _ => {}
        }
        let members: Vec<_> = members.iter().map(Member::to_string).collect();
        format!("{{{}}}", members.join(", "))
    }
}

/// What the type `name` holds, if it is one of these.
fn of(name: &'static str, types: &[&str]) -> Option<&'static str> {
    types.iter().find_map(|start| name.strip_prefix(start))
}

/// Whether `V` is serde's own, and two `items` are equal only if they are read alike.
fn is_ordered_by_value<V>(items: &str) -> bool {
    const KEYS: [&str; 13] = [
        "alloc::string::String",
        "char",
        "bool",
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "u8",
        "u16",
        "u32",
        "u64",
        "u128",
    ];
    let end = items.find([',', '>']).unwrap_or(items.len());
    type_name::<V>().starts_with("serde") && KEYS.contains(&&items[..end])
}

/// A member of a map or a struct, as it was read.
#[derive(Default)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) value: String,
    /// Whether a struct for which serde's `derive` has written the code knows it by this name, or ignores it.
    is_field: bool,
    pub(super) is_ignored: bool,
}

impl Member {
    /// One whose name is read as a `K`.
    pub(super) fn of<K>() -> Self {
        Self {
            is_field: type_name::<K>().ends_with("::__Field"),
            ..Self::default()
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.value)
    }
}
