//! No two values, and no two keys, are written alike.

use std::collections::{BTreeMap, HashMap};

use giotto_cache::Key;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::typed_values::{Reader, typed_values};
use crate::{strings, text};

/// The arguments, program and media type that a key was made of.
fn unprint(key: &str) -> Option<(String, String, String)> {
    let decode = |part: &str| {
        part.replace("%28", "(")
            .replace("%29", ")")
            .replace("%25", "%")
    };
    let (rest, mimetype) = key.strip_suffix(')')?.rsplit_once('(')?;
    let (arguments, program) = rest.strip_suffix(')')?.rsplit_once('(')?;
    Some((arguments.into(), decode(program), decode(mimetype)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is read back cannot have been another value: no two values of a type print the same text.
    #[test]
    fn a_literal_in_a_key_is_read_back_as_the_value_it_was((of, value) in typed_values()) {
        let key = Key::new("squared", text(&value), "text/html");
        let mut reader = Reader(key.as_str());
        prop_assert_eq!(reader.read(&of), value);
        prop_assert_eq!(reader.0, "(squared)(text/html)");
    }

    #[test]
    fn the_three_parts_of_a_key_are_read_back_whatever_they_are(
        arguments in strings(),
        program in strings(),
        mimetype in strings(),
    ) {
        let key = Key::new(&program, arguments.clone(), &mimetype);
        prop_assert_eq!(unprint(key.as_str()), Some((arguments, program, mimetype)));
    }

    #[test]
    fn a_map_is_written_in_one_order_whatever_the_order_of_its_items(
        items in vec((strings(), any::<i64>()), 0..20),
    ) {
        let sorted: BTreeMap<_, _> = items.into_iter().collect();
        let forwards: HashMap<_, _> = sorted.iter().collect();
        let backwards: HashMap<_, _> = sorted.iter().rev().collect();
        prop_assert_eq!(text(&forwards), text(&sorted));
        prop_assert_eq!(text(&backwards), text(&sorted));
    }
}
