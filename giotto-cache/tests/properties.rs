//! Keys that cannot collide, and an envelope that opens only what was sealed.
//!
//! The literals are checked against Python's own `repr`, and read back by a parser that knows their types.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use serde::ser::{SerializeMap, SerializeStruct, SerializeTuple};
use serde::{Serialize, Serializer};

use giotto_cache::{Entry, Key, Policy, Undecodable, literal};

fn text(value: &(impl Serialize + ?Sized)) -> String {
    literal::to_string(value).unwrap()
}

// The table of literals.

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

// Values of any type, written and read back.

#[derive(Clone, Debug)]
enum Type {
    Bool,
    Int,
    Float,
    Str,
    Bytes,
    Unit,
    Option(Box<Self>),
    Seq(Box<Self>),
    Map(Box<Self>, Box<Self>),
    Tuple(Vec<Self>),
    Struct(Vec<Self>),
    Enum(Vec<Self>),
}

/// A value of a [`Type`]. A `Struct` has the fields of [`NAMES`], an `Enum` the variants of it.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Value {
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(String),
    Bytes(Vec<u8>),
    Unit,
    Option(Option<Box<Self>>),
    Seq(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Tuple(Vec<Self>),
    Struct(Vec<Self>),
    Variant(usize, Box<Self>),
}

const NAMES: [&str; 4] = ["x", "x'", "None", "x': 1, 'y"];

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i128(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Str(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::Unit => serializer.serialize_unit(),
            Self::Option(None) => serializer.serialize_none(),
            Self::Option(Some(value)) => serializer.serialize_some(value),
            Self::Seq(values) => values.serialize(serializer),
            Self::Map(items) => {
                let mut map = serializer.serialize_map(Some(items.len()))?;
                for (key, value) in items {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Self::Tuple(values) => {
                let mut tuple = serializer.serialize_tuple(values.len())?;
                for value in values {
                    tuple.serialize_element(value)?;
                }
                tuple.end()
            }
            Self::Struct(values) => {
                let mut fields = serializer.serialize_struct("Struct", values.len())?;
                for (name, value) in NAMES.iter().zip(values) {
                    fields.serialize_field(name, value)?;
                }
                fields.end()
            }
            Self::Variant(number, value) => match **value {
                Self::Unit => serializer.serialize_unit_variant("Enum", 0, NAMES[*number]),
                _ => serializer.serialize_newtype_variant("Enum", 0, NAMES[*number], value),
            },
        }
    }
}

/// Reads one value of a known type from the front of a text. What it cannot read is a panic: a failed test.
struct Reader<'t>(&'t str);

impl Reader<'_> {
    fn skip(&mut self, expected: &str) -> bool {
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn need(&mut self, expected: &str) {
        assert!(
            self.skip(expected),
            "{expected:?} is missing before {:?}",
            self.0
        );
    }

    fn read(&mut self, of: &Type) -> Value {
        match of {
            Type::Bool if self.skip("True") => Value::Bool(true),
            Type::Bool => {
                self.need("False");
                Value::Bool(false)
            }
            Type::Int => Value::Int(self.number().parse().unwrap()),
            Type::Float => Value::Float(self.number().parse().unwrap()),
            Type::Str => Value::Str(self.string()),
            Type::Bytes => {
                self.need("b");
                Value::Bytes(self.string().chars().map(|byte| byte as u8).collect())
            }
            Type::Unit => {
                self.need("()");
                Value::Unit
            }
            Type::Option(_) if self.skip("None") => Value::Option(None),
            Type::Option(of) => Value::Option(Some(Box::new(match self.skip("Some(") {
                true => {
                    let value = self.read(of);
                    self.need(")");
                    value
                }
                false => self.read(of),
            }))),
            Type::Seq(of) => Value::Seq(self.list("[", "]", |reader, _| reader.read(of))),
            Type::Map(key, value) => Value::Map(self.list("{", "}", |reader, _| {
                let key = reader.read(key);
                reader.need(": ");
                (key, reader.read(value))
            })),
            Type::Tuple(of) => Value::Tuple(self.list("(", ")", |reader, at| reader.read(&of[at]))),
            Type::Struct(of) => Value::Struct(self.list("{", "}", |reader, at| {
                assert_eq!(reader.string(), NAMES[at]);
                reader.need(": ");
                reader.read(&of[at])
            })),
            Type::Enum(of) => self.variant(of),
        }
    }

    fn variant(&mut self, of: &[Type]) -> Value {
        let has_content = self.skip("{");
        let name = self.string();
        let number = NAMES.iter().position(|of| *of == name).unwrap();
        if !has_content {
            return Value::Variant(number, Box::new(Value::Unit));
        }
        self.need(": ");
        let value = self.read(&of[number]);
        self.need("}");
        Value::Variant(number, Box::new(value))
    }

    fn list<T>(&mut self, open: &str, close: &str, item: impl Fn(&mut Self, usize) -> T) -> Vec<T> {
        self.need(open);
        let mut items = Vec::new();
        while !self.skip(close) {
            items.push(item(self, items.len()));
            if self.skip(close) {
                break;
            }
            self.need(",");
            self.skip(" ");
        }
        items
    }

    fn number(&mut self) -> &str {
        let is_part =
            |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
        let end = self
            .0
            .find(|character| !is_part(character))
            .unwrap_or(self.0.len());
        let (number, rest) = self.0.split_at(end);
        self.0 = rest;
        number
    }

    fn string(&mut self) -> String {
        self.need("'");
        let (mut value, mut chars) = (String::new(), self.0.chars());
        loop {
            match chars.next().unwrap() {
                '\'' => break,
                '\\' => value.push(match chars.next().unwrap() {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'x' => hexadecimal(chars.by_ref().take(2)),
                    'u' => hexadecimal(chars.by_ref().take(4)),
                    character => character,
                }),
                character => {
                    assert!(!character.is_control(), "{character:?} is not escaped");
                    value.push(character);
                }
            }
        }
        self.0 = chars.as_str();
        value
    }
}

fn hexadecimal(digits: impl Iterator<Item = char>) -> char {
    let digits: String = digits.collect();
    u32::from_str_radix(&digits, 16)
        .ok()
        .and_then(char::from_u32)
        .unwrap()
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

fn types() -> impl Strategy<Value = Type> {
    let leaf = proptest::sample::select(vec![
        Type::Bool,
        Type::Int,
        Type::Float,
        Type::Str,
        Type::Bytes,
        Type::Unit,
    ]);
    leaf.prop_recursive(4, 16, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed().prop_map(Type::Option),
            boxed().prop_map(Type::Seq),
            (boxed(), boxed()).prop_map(|(key, value)| Type::Map(key, value)),
            vec(inner.clone(), 0..4).prop_map(Type::Tuple),
            vec(inner.clone(), 0..4).prop_map(Type::Struct),
            vec(inner.clone(), 1..=4).prop_map(Type::Enum),
        ]
    })
}

fn values(of: &Type) -> BoxedStrategy<Value> {
    match of {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Int => prop_oneof![-3..3_i128, any::<i128>()]
            .prop_map(Value::Int)
            .boxed(),
        // All but "not a number", which is not even equal to itself.
        Type::Float => any::<f64>().prop_map(Value::Float).boxed(),
        Type::Str => strings().prop_map(Value::Str).boxed(),
        Type::Bytes => vec(any::<u8>(), 0..4).prop_map(Value::Bytes).boxed(),
        Type::Unit => Just(Value::Unit).boxed(),
        Type::Option(of) => {
            let some = values(of).prop_map(|value| Value::Option(Some(Box::new(value))));
            prop_oneof![Just(Value::Option(None)), some].boxed()
        }
        Type::Seq(of) => vec(values(of), 0..4).prop_map(Value::Seq).boxed(),
        Type::Map(key, value) => {
            // In the order in which they are written.
            let sorted = |items: Vec<(Value, Value)>| {
                let items = items.into_iter().map(|item| (text(&item.0), item));
                Value::Map(items.collect::<BTreeMap<_, _>>().into_values().collect())
            };
            vec((values(key), values(value)), 0..4)
                .prop_map(sorted)
                .boxed()
        }
        Type::Tuple(of) => of
            .iter()
            .map(values)
            .collect::<Vec<_>>()
            .prop_map(Value::Tuple)
            .boxed(),
        Type::Struct(of) => of
            .iter()
            .map(values)
            .collect::<Vec<_>>()
            .prop_map(Value::Struct)
            .boxed(),
        Type::Enum(of) => {
            let variant = |(number, of)| {
                values(of)
                    .prop_map(move |value| Value::Variant(number, Box::new(value)))
                    .boxed()
            };
            proptest::strategy::Union::new(of.iter().enumerate().map(variant)).boxed()
        }
    }
}

fn typed_values() -> impl Strategy<Value = (Type, Value)> {
    types().prop_flat_map(|of| (Just(of.clone()), values(&of)))
}

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

// The envelope.

const START_MS: u64 = 1_700_000_000_000;

fn squared() -> Key {
    Key::new("squared", "{'x': 12}", "text/html")
}

fn sealed() -> Entry {
    let cost = Duration::from_micros(1234);
    Entry::seal(
        &squared(),
        Policy::seconds(3600),
        START_MS,
        cost,
        b"<p>144</p>",
    )
}

fn policies() -> impl Strategy<Value = Policy> {
    let from_ms = |ms| Policy::try_from(Duration::from_millis(ms)).unwrap();
    prop_oneof![
        any::<u64>().prop_map(Policy::seconds),
        (1..=u64::MAX).prop_map(from_ms)
    ]
}

/// Bytes that get further than random ones: a header whose lengths are small, and something behind it.
fn headers() -> impl Strategy<Value = Vec<u8>> {
    let lengths = (0..40_u16, 0..80_u32, 0..80_u32);
    let rest = (
        any::<[u8; 8]>(),
        vec(any::<u8>(), 40),
        vec(any::<u8>(), 0..100),
    );
    (lengths, rest).prop_map(|((mimetype, key, etag), (sum, moments, rest))| {
        let mut raw = b"GIOT\x01\0".to_vec();
        raw.extend(mimetype.to_le_bytes());
        raw.extend(sum);
        raw.extend(moments);
        raw.extend(key.to_le_bytes());
        raw.extend(etag.to_le_bytes());
        raw.extend(squared().as_str().as_bytes());
        raw.extend(rest);
        raw
    })
}

/// Opens `raw` and asks it everything; nothing of it may panic.
fn ask(raw: &[u8], key: &Key, trusted: bool) -> Result<(), Undecodable> {
    let entry = Entry::open(Bytes::copy_from_slice(raw), key, trusted)?;
    let _ = (
        entry.body(),
        entry.etag(),
        entry.created_ms(),
        entry.to_bytes(),
    );
    for now_ms in [0, START_MS, u64::MAX] {
        let _ = (
            entry.is_fresh(now_ms),
            entry.fresh_for(now_ms),
            entry.keep_for(now_ms),
        );
    }
    Ok(())
}

/// The file was written by a Python script from the table in `entry.rs`, with Python's `xxhash`.
#[test]
fn what_the_first_release_wrote_is_read_and_written_to_this_day() {
    let golden: &[u8] = include_bytes!("golden/entry-v1.bin");
    assert_eq!(sealed().to_bytes(), golden);

    let entry = Entry::open(Bytes::from_static(golden), &squared(), false).unwrap();
    assert_eq!(entry.body(), "<p>144</p>");
    assert_eq!(entry.etag(), "\"67a3ff204a1a0596cbe641d9558c3918\"");
    assert_eq!(entry.created_ms(), START_MS);
    assert_eq!(entry.fresh_for(START_MS), Some(Duration::from_secs(3600)));
    assert_eq!(
        entry.keep_for(START_MS + 1),
        Some(Duration::from_millis(3_599_999))
    );
}

#[test]
fn an_envelope_in_which_any_bit_was_flipped_is_an_error() {
    let raw = sealed().to_bytes();
    for bit in 0..raw.len() * 8 {
        let mut flipped = raw.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(ask(&flipped, &squared(), false).is_err(), "bit {bit}");
        let _ = ask(&flipped, &squared(), true);
    }
}

#[test]
fn an_envelope_that_was_cut_short_or_made_longer_is_an_error() {
    let raw = sealed().to_bytes();
    for length in 0..raw.len() {
        assert!(
            ask(&raw[..length], &squared(), false).is_err(),
            "{length} bytes"
        );
        assert!(
            ask(&raw[length + 1..], &squared(), false).is_err(),
            "from {length} on"
        );
        let _ = ask(&raw[..length], &squared(), true);
    }
    assert!(ask(&[&raw[..], b"\0"].concat(), &squared(), false).is_err());
    assert!(ask(&[&raw[..], &raw[..]].concat(), &squared(), false).is_err());
}

#[test]
fn why_an_envelope_does_not_open_is_told() {
    let open = |raw: &[u8], key: &Key| ask(raw, key, false).unwrap_err();
    let raw = sealed().to_bytes();
    let mut version_3 = raw.to_vec();
    version_3[4] = 3;
    assert_eq!(open(b"", &squared()), Undecodable::Foreign);
    assert_eq!(open(&[0; 64], &squared()), Undecodable::Foreign);
    assert_eq!(open(&raw[..63], &squared()), Undecodable::Foreign);
    assert_eq!(open(&version_3, &squared()), Undecodable::Version);
    assert_eq!(open(&raw[..64], &squared()), Undecodable::Damaged);
    for (arguments, mimetype) in [("{'x': 13}", "text/html"), ("{'x': 12}", "text/htm")] {
        let other = Key::new("squared", arguments, mimetype);
        assert_eq!(open(&raw, &other), Undecodable::OtherKey);
    }
    let mut other_length = raw.to_vec();
    other_length[6] += 1;
    let error = ask(&other_length, &squared(), true);
    assert_eq!(error, Err(Undecodable::OtherKey), "even of a trusted store");
}

#[test]
fn an_etag_tells_bodies_and_media_types_apart_and_nothing_else() {
    let seal = |mimetype, arguments, now_ms, body: &[u8]| {
        let key = Key::new("squared", arguments, mimetype);
        Entry::seal(&key, Policy::forever(), now_ms, Duration::ZERO, body).etag()
    };
    let etag = seal("text/html", "{'x': 12}", 0, b"144");
    assert_eq!(etag, seal("text/html", "{'x': -12}", START_MS, b"144"));
    assert_ne!(etag, seal("text/plain", "{'x': 12}", 0, b"144"));
    assert_ne!(etag, seal("text/html", "{'x': 12}", 0, b"145"));
    assert_ne!(etag, seal("text/html", "{'x': 12}", 0, b""));
}

proptest! {
    #[test]
    fn what_is_sealed_opens_as_it_was(
        (program, arguments, mimetype) in (strings(), strings(), strings()),
        policy in policies(),
        now_ms in any::<u64>(),
        cost in any::<Duration>(),
        body in vec(any::<u8>(), 0..2000),
        trusted in any::<bool>(),
    ) {
        let key = Key::new(&program, arguments, &mimetype);
        let entry = Entry::seal(&key, policy, now_ms, cost, &body);
        let opened = Entry::open(entry.to_bytes(), &key, trusted).unwrap();
        prop_assert_eq!(opened.body(), body);
        prop_assert_eq!(opened.etag(), entry.etag());
        prop_assert_eq!(opened.created_ms(), now_ms);
        prop_assert_eq!(opened.fresh_for(now_ms), entry.fresh_for(now_ms));
        prop_assert_eq!(opened.keep_for(now_ms), entry.keep_for(now_ms));
        prop_assert!(opened.is_fresh(now_ms));
    }

    #[test]
    fn no_bytes_make_an_envelope_panic(
        raw in prop_oneof![vec(any::<u8>(), 0..300), headers()],
    ) {
        prop_assert!(ask(&raw, &squared(), false).is_err());
        let _ = ask(&raw, &squared(), true);
    }

    #[test]
    fn an_envelope_changed_anywhere_is_an_error(
        body in vec(any::<u8>(), 0..2000),
        at in any::<proptest::sample::Index>(),
        mask in 1..=u8::MAX,
    ) {
        let entry = Entry::seal(&squared(), Policy::forever(), START_MS, Duration::ZERO, &body);
        let mut raw = entry.to_bytes().to_vec();
        let at = at.index(raw.len());
        raw[at] ^= mask;
        prop_assert!(ask(&raw, &squared(), false).is_err());
        prop_assert!(ask(&raw[..at], &squared(), false).is_err());
        let _ = ask(&raw, &squared(), true);
    }

    #[test]
    fn an_envelope_opens_for_no_other_key(
        (program, arguments, mimetype) in (strings(), strings(), strings()),
        trusted in any::<bool>(),
    ) {
        let key = Key::new(&program, arguments, &mimetype);
        prop_assert!(key == squared() || ask(&sealed().to_bytes(), &key, trusted).is_err());
    }
}
