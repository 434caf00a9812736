//! Whether the key of a page tells all arguments apart, and equal ones not.
//!
//! Looked at once, when a program with a cache enters a manifest, by writing the keys of samples. It finds what a field's
//! own functions and types usually do; a type that implements `Serialize` by hand answers for itself.

use giotto_cache::literal;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::parameter::Parameter;
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
    let mut names = parameters.iter().map(|parameter| parameter.name);
    if let Some(name) = names.find(|name| is_unstable::<A>(name, samples.as_ref())) {
        return Some(format!(
            "equal values of '{name}' have different keys, so that the page of one request is not found by the next: a set \
             like HashSet has no order; take a BTreeSet or a Vec, or leave .cache(..) out"
        ));
    }
    shared::<A>(&samples?).map(|name| {
        format!(
            "two values of '{name}' have the same key, so that one caller gets the page of another: have serde write all \
             of it, without #[serde(skip_serializing)] or a serialize_with or with that writes two values alike, or leave \
             .cache(..) out"
        )
    })
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
        LISTS.into_iter().any(|choice| {
            let varied = samples.varied(at, choice);
            key::<A>(&varied).is_some_and(|(first, _)| changes(&varied, &first))
        })
    })
}

/// The first parameter of which two values have the same key.
fn shared<A>(samples: &Samples) -> Option<&'static str>
where
    A: DeserializeOwned + Serialize,
{
    let (_, Notes { leaves, .. }) = key::<A>(samples)?;
    // What such a function is given is what the model gets: two values that it writes alike are two all the same.
    let written = samples.make::<A>();
    let written = written.map_or_else(|_| Vec::new(), |sample| by_functions(&sample));
    // The keys without a value that is optional.
    let mut absent: Vec<(&str, String)> = Vec::new();
    for (at, leaf) in leaves.iter().enumerate().filter(|(_, leaf)| !leaf.is_empty) {
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
        let is_written = !leaf.is_option && written.contains(&leaf.parameter);
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
