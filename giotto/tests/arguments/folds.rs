//! What a type writes may be one text for two values: they have two pages all the same, because what they read counts.

use super::*;

pub(super) fn lower<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text.to_lowercase())
}

fn rounded<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((number * 1000.0).round())
}

fn length<S: Serializer>(list: &[i64], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(list.len() as u64)
}

fn is_small(number: &u64) -> bool {
    *number < 10
}

#[derive(Debug, Serialize, Deserialize)]
struct Lower {
    #[serde(serialize_with = "lower")]
    text: String,
}

mod folding {
    use super::*;

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text.trim())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<String, D::Error> {
        String::deserialize(deserializer)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Folded {
    #[serde(with = "folding")]
    word: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Rounded {
    x: i64,
    #[serde(serialize_with = "rounded", default)]
    ratio: f64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Counted {
    #[serde(serialize_with = "length")]
    list: Vec<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Small {
    #[serde(default, skip_serializing_if = "is_small")]
    number: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Deep {
    filters: BTreeMap<String, Option<Inner>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[expect(dead_code, reason = "it is to be left out")]
struct Inner {
    a: i64,
    #[serde(skip_serializing, default)]
    secret: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Handmade {
    email: Email,
}

#[derive(Debug, Deserialize)]
struct Email(String);

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        lower(&self.0, serializer)
    }
}

#[tokio::test]
async fn what_a_function_writes_alike_has_pages_of_its_own() {
    differ::<Lower>(&[&[("text", "a")], &[("text", "A")]]).await;
    differ::<Folded>(&[&[("word", "a")], &[("word", " a")], &[("word", "a ")]]).await;
    differ::<Rounded>(&[
        &[("x", "1"), ("ratio", "0.00001")],
        &[("x", "1"), ("ratio", "0.00002")],
        &[("x", "1")],
    ])
    .await;
    differ::<Counted>(&[&[("list", "[1]")], &[("list", "[2]")], &[("list", "[]")]]).await;
    differ::<Small>(&[&[("number", "1")], &[("number", "2")], &[]]).await;
    differ::<Handmade>(&[&[("email", "a@b")], &[("email", "A@b")]]).await;
    differ::<Deep>(&[
        &[("filters", "{\"x\":{\"a\":1,\"secret\":\"s\"}}")],
        &[("filters", "{\"x\":{\"a\":1,\"secret\":\"t\"}}")],
        &[("filters", "{\"x\":{\"a\":1}}")],
    ])
    .await;
}

#[derive(Debug, Serialize, Deserialize)]
#[expect(dead_code, reason = "it is to be left out")]
struct Functions {
    #[serde(default, serialize_with = "sorted")]
    order: Vec<i64>,
    #[serde(default, serialize_with = "as_u8")]
    byte: i64,
    #[serde(default, serialize_with = "without_dashes")]
    name: String,
    #[serde(default = "minus_one", serialize_with = "as_u8")]
    limit: i64,
    #[serde(default, skip_serializing)]
    secret: String,
}

pub(super) fn minus_one() -> i64 {
    -1
}

pub(super) fn sorted<S: Serializer>(list: &[i64], serializer: S) -> Result<S::Ok, S::Error> {
    list.iter().collect::<BTreeSet<_>>().serialize(serializer)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is to fold"
)]
pub(super) fn as_u8<S: Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(*number as u8)
}

pub(super) fn without_dashes<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text.replace('-', ""))
}

#[tokio::test]
async fn so_has_what_it_sorts_cuts_or_leaves_out() {
    differ::<Functions>(&[
        &[],
        &[("order", "[1,2]")],
        &[("order", "[2,1]")],
        &[("order", "[1,2,2]")],
        &[("byte", "1")],
        &[("byte", "257")],
        &[("name", "ab")],
        &[("name", "a-b")],
        // What its default is written as.
        &[("limit", "255")],
        &[("secret", "s")],
        &[("secret", "t")],
    ])
    .await;
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(into = "Wire")]
struct Converted {
    x: i64,
    mode: Mode,
}

#[derive(Serialize)]
struct Wire {
    x: u8,
    mode: &'static str,
}

impl Clone for Converted {
    fn clone(&self) -> Self {
        let Self { x, mode } = *self;
        Self { x, mode }
    }
}

impl From<Converted> for Wire {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is to fold"
    )]
    fn from(from: Converted) -> Self {
        Self {
            x: from.x as u8,
            mode: "any",
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(into = "wire::Mode")]
enum Mode {
    One,
    Two,
}

mod wire {
    use super::*;

    #[derive(Serialize)]
    pub(super) enum Mode {
        One,
    }

    impl From<super::Mode> for Mode {
        fn from(_: super::Mode) -> Self {
            Self::One
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Enclosed {
    #[serde(default = "two")]
    mode: Mode,
}

fn two() -> Mode {
    Mode::Two
}

#[tokio::test]
async fn so_has_what_is_written_as_another_type() {
    differ::<Converted>(&[
        &[("x", "1"), ("mode", "One")],
        &[("x", "257"), ("mode", "One")],
        &[("x", "1"), ("mode", "Two")],
    ])
    .await;
    differ::<Enclosed>(&[&[], &[("mode", "One")], &[("mode", "Two")]]).await;
}

/// Writes two of its fields in the order of their values.
#[derive(Debug, Deserialize)]
struct Swapped {
    low: i64,
    high: i64,
}

impl Serialize for Swapped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let (low, high) = match self.low <= self.high {
            true => (&self.low, &self.high),
            false => (&self.high, &self.low),
        };
        let mut fields = serializer.serialize_struct("Swapped", 2)?;
        fields.serialize_field("low", low)?;
        fields.serialize_field("high", high)?;
        fields.end()
    }
}

/// Writes a list, which has no names.
#[derive(Debug, Deserialize)]
struct Listed {
    x: i64,
    y: i64,
}

impl Serialize for Listed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.x + self.y].serialize(serializer)
    }
}

#[tokio::test]
async fn so_has_what_is_written_by_hand() {
    let [one, two] = [
        &[("low", "1"), ("high", "2")][..],
        &[("low", "2"), ("high", "1")],
    ];
    differ::<Swapped>(&[one, two]).await;
    let [one, two] = [&[("x", "1"), ("y", "2")][..], &[("x", "2"), ("y", "1")]];
    differ::<Listed>(&[one, two]).await;
}
