//! Whether the key of a page tells all arguments apart, and equal ones not.
//!
//! Looked at once, when a program with a cache enters a manifest, by writing the keys of samples. It finds what a field's
//! own functions and types usually do; a type that implements `Serialize` by hand answers for itself.

use std::ops::Range;

use giotto_cache::literal;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::parameter::Parameter;
use crate::sample::learned::{self, grown};
use crate::sample::written::by_functions;
use crate::sample::{self, LISTS, Notes, Samples};

/// Two elements without an order are written in the same one every second time.
const REPEATED: usize = 32;

/// What is wrong with the keys of a program that takes these parameters, and the remedy.
pub(crate) fn problem<A>(parameters: &[Parameter]) -> Option<String>
where
    A: DeserializeOwned + Serialize,
{
    let samples = sample::all::<A>(parameters);
    let all = samples.as_ref().map(Samples::variants::<A>);
    let all = all.unwrap_or_default();
    let mut names = parameters.iter().map(|parameter| parameter.name);
    let is_unstable = |name: &&'static str| {
        is_unstable::<A>(name, samples.as_ref())
            || all.iter().skip(1).any(|(samples, within)| {
                is_within::<A>(name, samples, within) && is_unstable::<A>(name, Some(samples))
            })
    };
    if let Some(name) = names.find(is_unstable) {
        return Some(format!(
            "equal values of '{name}' have different keys, so that the page of one request is not found by the next: a set \
             like HashSet has no order; take a BTreeSet or a Vec, or leave .cache(..) out"
        ));
    }
    let mut shared = all
        .iter()
        .map(|(samples, within)| shared::<A>(samples, within));
    shared.find_map(|name| name).map(|name| {
        format!(
            "two inputs for '{name}' have the same key, and it cannot be seen whether the model tells them apart, so that \
             one caller may get the page of another: have serde write all of it, without #[serde(skip_serializing)] or a \
             serialize_with or with that writes two values alike; normalise with deserialize_with alone; or leave .cache(..) \
             out"
        )
    })
}

/// Whether the parameter `name` has leaves `within`.
fn is_within<A>(name: &str, samples: &Samples, within: &Range<usize>) -> bool
where
    A: DeserializeOwned + Serialize,
{
    let _ = samples.make::<A>();
    let leaves = samples.notes().leaves;
    let before = within.start.saturating_sub(1);
    leaves
        .get(before)
        .is_some_and(|leaf| leaf.parameter == name)
}

/// The key and what was seen while it was made.
fn key<A>(samples: &Samples) -> Option<(String, Notes)>
where
    A: DeserializeOwned + Serialize,
{
    let sample = samples.make::<A>().ok()?;
    let key = sample::survived(|| literal::to_string(&sample).map_err(|_| ()));
    Some((key.ok()?, samples.notes()))
}

/// Whether the key of one value of the parameter `name` differs from one time to the next.
fn is_unstable<A>(name: &'static str, samples: Option<&Samples>) -> bool
where
    A: DeserializeOwned + Serialize,
{
    let alone = Samples::of(name);
    // Most structs have more parameters; how far it comes is enough to see a type.
    let _ = alone.make::<A>();
    let is_unordered = alone.notes().unordered.contains(&name);
    let Some(samples) = samples.filter(|samples| samples.has(name)) else {
        return is_unordered;
    };
    let forwards = samples.long(name);
    let (Some((_, notes)), Some((written, _))) = (key::<A>(samples), key::<A>(&forwards)) else {
        return is_unordered;
    };
    let differs =
        |samples: &Samples, from: &str| key::<A>(samples).is_some_and(|(key, _)| key != from);
    let changes = |samples: &Samples, first: &str| (0..REPEATED).any(|_| differs(samples, first));
    // A set whose hashes are the same every time keeps some of the order in which it was filled.
    if is_unordered && differs(&forwards.reversed(), &written)
        || notes.lists.contains(&name) && changes(&forwards, &written)
    {
        return true;
    }
    // What leaves its type to the format may have a set in it for one of the values.
    let leaves = notes.leaves.iter().enumerate();
    let mut leaves = leaves.filter(|(_, leaf)| leaf.parameter == name && leaf.is_free);
    leaves.any(|(at, _)| {
        let is_changing =
            |varied: &Samples| key::<A>(varied).is_some_and(|(first, _)| changes(varied, &first));
        LISTS
            .into_iter()
            .any(|choice| is_changing(&samples.varied(at, choice)))
            || grown::<A>(samples, at).into_iter().any(|one| {
                one.value.to_string().contains('[') && is_changing(&samples.with(at, one.value))
            })
    })
}

/// The first parameter of which two values have the same key.
fn shared<A>(samples: &Samples, within: &Range<usize>) -> Option<&'static str>
where
    A: DeserializeOwned + Serialize,
{
    let (_, Notes { leaves, .. }) = key::<A>(samples)?;
    // What such a function is given is what the model gets: two values that it writes alike are two all the same.
    let written = samples.make::<A>();
    let written = written.map_or_else(|_| Vec::new(), |sample| by_functions(&sample));
    // The keys without a value that is optional.
    let mut absent: Vec<(&str, String)> = Vec::new();
    let leaves = leaves.iter().enumerate();
    let leaves = leaves.filter(|(at, leaf)| !leaf.is_empty && within.contains(at));
    for (at, leaf) in leaves {
        if leaf.is_free && is_shared_within::<A>(samples, at) {
            return Some(leaf.parameter);
        }
        let with = |choice| {
            let (key, notes) = key::<A>(&samples.varied(at, choice))?;
            Some((notes.choice.unwrap_or(choice as u64), key))
        };
        let mut keys: Vec<(u64, String)> = (0..leaf.choices).filter_map(with).collect();
        keys.dedup_by_key(|(choice, _)| *choice);
        let mut texts: Vec<&str> = keys.iter().map(|(_, key)| key.as_str()).collect();
        let count = texts.len();
        texts.sort_unstable();
        texts.dedup();
        // What reads an `Option` by a function of its own may have a default for `None`.
        let is_left_out = count > 1 && texts.len() == 1 && !leaf.is_option;
        let is_absent = |key: &str| {
            let mut absent = absent.iter();
            absent.any(|(parameter, absent)| *parameter == leaf.parameter && absent == key)
        };
        let is_folded = texts.len() < count || texts.iter().any(|key| is_absent(key));
        let is_written = !leaf.is_option && written.iter().any(|name| name == leaf.parameter);
        let is_plain = leaf.is_plain || is_written;
        if is_left_out || is_plain && is_folded {
            return Some(leaf.parameter);
        }
        if leaf.is_option && leaf.is_plain && count == 2 {
            absent.extend(keys.pop().map(|(_, key)| (leaf.parameter, key)));
        }
    }
    None
}

/// Whether two values of a member of what the free leaf takes have the same key.
fn is_shared_within<A>(samples: &Samples, leaf: usize) -> bool
where
    A: DeserializeOwned + Serialize,
{
    let grown = grown::<A>(samples, leaf);
    grown.iter().any(|one| {
        one.members.iter().any(|member| {
            let mut keys: Vec<String> = Vec::new();
            for other in learned::others(&one.value, member) {
                keys.extend(key::<A>(&samples.with(leaf, other)).map(|(key, _)| key));
            }
            let count = keys.len();
            keys.sort_unstable();
            keys.dedup();
            // What is ignored is no value.
            let without = learned::without(&one.value, member);
            let is_needed =
                without.is_none_or(|value| samples.with(leaf, value).make::<A>().is_err());
            // A list may be one of several notations of a type that reads and writes by hand, such as a date.
            let is_left_out = one.value.is_object()
                && !keys.iter().any(|key| key.contains(&format!("'{member}'")));
            count > 1 && keys.len() == 1 && is_left_out && is_needed
                || keys.len() < count && one.functions.contains(member)
        })
    })
}
