//! The values that samples are made of.
//!
//! Two of each kind that a careless function may write in the same way are beside each other.

/// Pairs in which functions that write a value differ from it: the case, spaces, digits, the end of a long text.
pub(super) const TEXTS: [&str; 27] = [
    "a",
    "b",
    "A",
    "B",
    " a",
    "a ",
    "",
    "0",
    "1",
    "2",
    "ä",
    "á",
    "a-b",
    "a_b",
    "true",
    "false",
    "2020-01-02",
    "2020-01-03",
    "2020-01-02T03:04:05Z",
    "2020-01-02T03:04:06Z",
    "127.0.0.1",
    "127.0.0.2",
    "::1",
    "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "f81d4fae-7dec-11d0-a765-00a0c91e6bf7",
    "https://example.org/a",
    "https://example.org/b",
];
/// Two long texts besides, which differ in their last character.
pub(super) const LONG: usize = 300;
pub(super) const INTEGERS: [i128; 16] = [
    1,
    2,
    0,
    3,
    10,
    11,
    100,
    101,
    1_000,
    1_001,
    1_000_000,
    1_000_001,
    9_007_199_254_740_992,
    9_007_199_254_740_993,
    -1,
    -2,
];
pub(super) const NUMBERS: [f64; 10] = [
    1.5,
    2.5,
    0.0,
    1.0,
    1.25,
    1.0001,
    1.0002,
    1e9,
    1_000_000_001.0,
    -1.5,
];
pub(super) const CHARACTERS: [char; 8] = ['a', 'b', 'A', 'B', '0', '1', 'ä', ' '];
/// For types that leave it to the format what they are made of.
pub(super) const VALUES: [&str; 13] = [
    "\"a\"",
    "1",
    "2",
    "1.5",
    "true",
    "false",
    "{\"a\":1}",
    "{\"a\":\"b\"}",
    "null",
    "[1,2,3,4,5,6,7,8,9,10]",
    "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"]",
    "[true,false]",
    "{\"a\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"]}",
];
/// The places of the lists among them, and of what has one in it.
pub(crate) const LISTS: std::ops::Range<usize> = 9..13;
/// A parameter of which no sample with so many choices can be made refuses them all.
pub(super) const CHOICES: usize = TEXTS.len() + 2;
