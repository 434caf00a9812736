//! The text of lists, maps and structs that were read, by what their types asked serde for.
//!
//! Used by `reading`.

use std::any::type_name;
use std::fmt;

use serde::de::Visitor;

/// What a type asked serde for, as far as it matters for the text.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Any,
    Float,
    List,
    Tuple,
    /// A set, whose items are sorted.
    Set,
    /// A map without an order, whose members are sorted.
    Map,
    Struct(&'static [&'static str]),
}

impl Form {
    /// The form of a list that `V` reads.
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

    /// The form of a map that `V` reads.
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

/// The parameters of the type `name`, if it is one of the `types`.
fn of(name: &'static str, types: &[&str]) -> Option<&'static str> {
    types.iter().find_map(|start| name.strip_prefix(start))
}

/// Whether `V` is a visitor of serde itself, and equal `items` have equal texts.
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
    /// Whether the struct derives `Deserialize`, so that the order of its members does not matter.
    is_field: bool,
    pub(super) is_ignored: bool,
}

impl Member {
    /// A member whose name is read as a `K`.
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
