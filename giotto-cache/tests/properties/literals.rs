//! Arguments in a key are written as Python writes them.

use std::collections::HashMap;

use serde::{Serialize, Serializer};

use crate::text;

#[derive(Serialize)]
struct Arguments<'a> {
    x: i64,
    name: &'a str,
    limit: Option<u8>,
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct Metres(f64);

#[derive(Serialize)]
struct Point(i8, i8);

#[derive(Serialize)]
enum Colour {
    Red,
    Grey(u8),
    Mix(u8, u8),
    Rgb { r: u8, g: u8, b: u8 },
}

/// The right-hand sides are what `python3 -c 'print(repr(…))'` prints for the same value.
#[test]
fn scalars_are_written_as_python_writes_them() {
    let table = [
        (text(&true), "True"),
        (text(&false), "False"),
        (text(&()), "()"),
        (text(&None::<i64>), "None"),
        (text(&Some(12)), "12"),
        (text(&12), "12"),
        (text(&-12_i8), "-12"),
        (text(&i64::MIN), "-9223372036854775808"),
        (text(&u64::MAX), "18446744073709551615"),
        (text(&i128::MIN), "-170141183460469231731687303715884105728"),
        (text(&u128::MAX), "340282366920938463463374607431768211455"),
        (text(&0.0), "0.0"),
        (text(&-0.0), "-0.0"),
        (text(&1.0), "1.0"),
        (text(&1.5), "1.5"),
        (text(&0.1), "0.1"),
        (text(&0.1_f32), "0.10000000149011612"),
        (text(&(0.1 + 0.2)), "0.30000000000000004"),
        (text(&100_000.0), "100000.0"),
        (text(&0.0001), "0.0001"),
        (text(&0.00012345), "0.00012345"),
        (text(&0.00001), "1e-05"),
        (text(&0.000012345), "1.2345e-05"),
        (text(&1e15), "1000000000000000.0"),
        (text(&1e16), "1e+16"),
        (text(&9_999_999_999_999_998.0), "9999999999999998.0"),
        (text(&123_456_789_012_345_680.0), "1.2345678901234568e+17"),
        (text(&1e22), "1e+22"),
        (text(&1e100), "1e+100"),
        (text(&-1.5e-10), "-1.5e-10"),
        (text(&5e-324), "5e-324"),
        (text(&f64::MAX), "1.7976931348623157e+308"),
        (text(&f64::MIN_POSITIVE), "2.2250738585072014e-308"),
        (text(&f64::NAN), "nan"),
        (text(&f64::INFINITY), "inf"),
        (text(&f64::NEG_INFINITY), "-inf"),
    ];
    for (written, expected) in table {
        assert_eq!(written, expected);
    }
}

#[test]
fn strings_are_written_as_python_writes_them_but_always_in_single_quotes() {
    let table = [
        ("", "''"),
        ("text", "'text'"),
        ("it's", r"'it\'s'"),
        ("\"quoted\"", "'\"quoted\"'"),
        ("both ' and \"", r#"'both \' and "'"#),
        ("back\\slash", r"'back\\slash'"),
        ("\\'", r"'\\\''"),
        ("\t\n\r", r"'\t\n\r'"),
        ("\0\x01\x1b\x7f", r"'\x00\x01\x1b\x7f'"),
        ("\u{80}\u{85}\u{9f}", r"'\x80\x85\x9f'"),
        ("caf\u{e9}", "'caf\u{e9}'"),
        ("cafe\u{301}", "'cafe\u{301}'"),
        ("\u{1f980}", "'\u{1f980}'"),
        ("\u{2028}\u{2029}", r"'\u2028\u2029'"),
        ("\u{61c}\u{200e}\u{200f}", r"'\u061c\u200e\u200f'"),
        ("\u{202a}\u{202e}", r"'\u202a\u202e'"),
        ("\u{2066}\u{2069}\u{feff}", r"'\u2066\u2069\ufeff'"),
        (
            "{'x': 12}(squared)(text/html)",
            r"'{\'x\': 12}(squared)(text/html)'",
        ),
    ];
    for (value, expected) in table {
        assert_eq!(text(value), expected);
    }
    assert_eq!(text(&'c'), "'c'");
    assert_eq!(text(&'\''), r"'\''");
}

#[test]
fn structures_are_written_as_python_writes_them() {
    let arguments = Arguments {
        x: 12,
        name: "it's",
        limit: None,
    };
    let table = [
        (
            text(&arguments),
            r"{'x': 12, 'name': 'it\'s', 'limit': None}",
        ),
        (text(&Unit), "()"),
        (text(&Empty {}), "{}"),
        (text(&Metres(1.5)), "1.5"),
        (text(&Point(1, -2)), "(1, -2)"),
        (text(&(1,)), "(1,)"),
        (text(&(1, "a", true)), "(1, 'a', True)"),
        (text(&[0_u8; 0]), "()"),
        (text(&["one"]), "('one',)"),
        (text(&[1, 2]), "(1, 2)"),
        (text(&Vec::<u8>::new()), "[]"),
        (text(&vec![1, 2]), "[1, 2]"),
        (text(&vec![vec![""], vec![]]), "[[''], []]"),
        (text(&HashMap::<u8, u8>::new()), "{}"),
        (
            text(&HashMap::from([("b", 2), ("a", 1)])),
            "{'a': 1, 'b': 2}",
        ),
        (
            text(&HashMap::from([((2, 'a'), ()), ((1, 'b'), ())])),
            "{(1, 'b'): (), (2, 'a'): ()}",
        ),
        (text(&Colour::Red), "'Red'"),
        (text(&Colour::Grey(50)), "{'Grey': 50}"),
        (text(&Colour::Mix(1, 2)), "{'Mix': (1, 2)}"),
        (
            text(&Colour::Rgb { r: 1, g: 2, b: 3 }),
            "{'Rgb': {'r': 1, 'g': 2, 'b': 3}}",
        ),
    ];
    for (written, expected) in table {
        assert_eq!(written, expected);
    }
}

#[test]
fn an_option_of_an_option_keeps_its_levels_apart() {
    type Nested = Option<Option<Option<u8>>>;
    let table: [(Nested, &str); 4] = [
        (None, "None"),
        (Some(None), "Some(None)"),
        (Some(Some(None)), "Some(Some(None))"),
        (Some(Some(Some(12))), "12"),
    ];
    for (value, expected) in table {
        assert_eq!(text(&value), expected);
    }
    assert_eq!(text(&Some("None")), "'None'");
    assert_eq!(text(&Some("Some(None)")), "'Some(None)'");
    assert_eq!(text(&Some(vec![Some(None::<u8>)])), "[Some(None)]");
}

struct Raw<'a>(&'a [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

#[test]
fn bytes_are_written_in_hexadecimal() {
    assert_eq!(text(&Raw(b"\0a'\xff")), r"b'\x00\x61\x27\xff'");
    assert_eq!(text(&Raw(b"")), "b''");
}
