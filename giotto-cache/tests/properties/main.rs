//! Keys and entries: what is written is read back as it was, whatever it is.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod entry;
mod key;
mod literals;
mod typed_values;

use giotto_cache::literal;
use proptest::prelude::*;
use serde::Serialize;

fn text(value: &(impl Serialize + ?Sized)) -> String {
    literal::to_string(value).unwrap()
}

/// Texts in the likeness of what a literal itself consists of.
fn strings() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a(){}\\[\\]:,'\"\\\\%/ \n\r\t\\x00x1é\u{2028}]{0,12}",
        "(a|%|25|28|29|\\(|\\)){0,6}",
        any::<String>(),
        proptest::sample::select(vec![
            "None",
            "Some(None)",
            "True",
            "12",
            "()",
            "', '",
            "': 1, '",
            "\\",
            "\\'",
            "\\x00"
        ])
        .prop_map(String::from),
    ]
}
