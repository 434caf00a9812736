//! What a type writes may be one text for two values: they have two pages all the same, because what they read counts.

use super::*;

fn lower<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
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

fn minus_one() -> i64 {
    -1
}

fn sorted<S: Serializer>(list: &[i64], serializer: S) -> Result<S::Ok, S::Error> {
    list.iter().collect::<BTreeSet<_>>().serialize(serializer)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is to fold"
)]
fn as_u8<S: Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(*number as u8)
}

fn without_dashes<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
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

/// One application for all cases, so that any of them could get the page of another.
mod property {
    use super::*;

    use std::sync::LazyLock;

    use proptest::prelude::*;
    use tokio::runtime::{Builder, Runtime};

    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_multi_thread().enable_all().build().unwrap());

    static APPS: LazyLock<[App; 2]> = LazyLock::new(|| {
        let uncached = App::new(Manifest::new([("it", shows::<Mixed>())]));
        [app::<Mixed>(), uncached]
    });

    #[derive(Debug, Serialize, Deserialize)]
    struct Mixed {
        #[serde(serialize_with = "sorted")]
        order: Vec<i64>,
        #[serde(default = "minus_one", serialize_with = "as_u8")]
        byte: i64,
        #[serde(default, serialize_with = "without_dashes")]
        name: String,
        by: Option<Part>,
        #[serde(default)]
        more: Vec<Part>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    enum Part {
        Nothing,
        Named {
            #[serde(default, serialize_with = "without_dashes")]
            name: String,
            #[serde(default, skip_serializing)]
            secret: bool,
        },
        Order(#[serde(serialize_with = "sorted")] Vec<i64>),
    }

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("\"Nothing\"".to_owned()),
            "[a-]{0,2}".prop_map(|name| format!(r#"{{"Named":{{"name":"{name}"}}}}"#)),
            any::<bool>().prop_map(|secret| format!(r#"{{"Named":{{"secret":{secret}}}}}"#)),
            list().prop_map(|order| format!(r#"{{"Order":{order:?}}}"#)),
        ]
    }

    fn list() -> impl Strategy<Value = Vec<i64>> {
        prop::collection::vec(0..3_i64, 0..3)
    }

    proptest! {
        #[test]
        fn no_request_gets_the_page_of_another(
            order in list(),
            byte in prop::option::of(prop::sample::select(vec![-1_i64, 0, 1, 255, 256])),
            name in prop::option::of("[a-]{0,2}"),
            by in prop::option::of(part()),
            more in prop::collection::vec(part(), 0..3),
        ) {
            let more = format!("[{}]", more.join(","));
            let given = [
                ("order", Some(format!("{order:?}"))),
                ("byte", byte.map(|byte| byte.to_string())),
                ("name", name),
                ("by", by.map(|by| by.trim_matches('"').to_owned())),
                ("more", Some(more)),
            ];
            let given = given.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
            let given: Vec<_> = given.collect();
            let [cached, uncached] = APPS.each_ref();
            for _ in 0..2 {
                let (found, expected) = RUNTIME.block_on(async {
                    (page(cached, &given).await, page(uncached, &given).await)
                });
                prop_assert_eq!(found, expected);
            }
        }
    }
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

/// A field of a variant that is not the first, in an enum of every form.
mod variants {
    use super::*;

    macro_rules! argument {
        ($($name:ident $(#[$form:meta])* { $($body:tt)* })*) => {
            $(#[derive(Debug, Serialize, Deserialize)]
            struct $name {
                #[serde(default)]
                x: i64,
                by: shape::$name,
                #[serde(default)]
                y: Option<String>,
            })*

            mod shape {
                use super::*;

                $(#[derive(Debug, Serialize, Deserialize)]
                $(#[$form])*
                pub(super) enum $name { $($body)* })*
            }
        };
    }

    argument! {
        LowerOutside { A, B { #[serde(serialize_with = "lower")] q: String } }
        SkippedOutside { A, C { #[serde(skip_serializing)] q: String } }
        TupleOutside { A, B(i64, #[serde(serialize_with = "lower")] String) }
        NewOutside { A, B(#[serde(serialize_with = "lower")] String) }
        LowerInside #[serde(tag = "k")] { A, B { #[serde(serialize_with = "lower")] q: String } }
        SkippedInside #[serde(tag = "k")] { A, B { n: i64 }, C { n: Option<bool>, #[serde(skip_serializing)] q: String } }
        DefaultInside #[serde(tag = "k")] { A, B { #[serde(serialize_with = "lower", default)] q: String } }
        LowerBeside #[serde(tag = "k", content = "c")] { A, B { #[serde(serialize_with = "lower")] q: String } }
        SkippedBeside #[serde(tag = "k", content = "c")] { A, C { #[serde(skip_serializing)] q: String } }
        TupleBeside #[serde(tag = "k", content = "c")] { A, B(i64, #[serde(serialize_with = "lower")] String) }
        LowerUntagged #[serde(untagged)] { A(i64), B { #[serde(serialize_with = "lower")] q: String } }
        SkippedUntagged #[serde(untagged)] { A { n: i64 }, C { r: Vec<i64>, #[serde(skip_serializing)] q: String } }
        TupleUntagged #[serde(untagged)] { A(i64), B(i64, #[serde(serialize_with = "lower")] String) }
        NestedOutside { A, B(Vec<LowerOutside>), C { c: Box<SkippedInside> } }
        DefaultOutside { A, C { #[serde(skip_serializing, default)] q: String } }
        NewUntagged #[serde(untagged)] { A(i64), B(#[serde(serialize_with = "lower")] String) }
    }

    /// Expects `a` and `A` in the place of `~` to have pages of their own.
    async fn differ_in_case<A>(shape: &str)
    where
        A: DeserializeOwned + Serialize + Debug + Send + 'static,
    {
        let [lower, upper] = ["a", "A"].map(|text| shape.replace('~', text));
        differ::<A>(&[&[("by", &lower)], &[("by", &upper)]]).await;
    }

    #[tokio::test]
    async fn a_variant_that_is_written_alike_has_pages_of_its_own() {
        differ_in_case::<LowerOutside>(r#"{"B":{"q":"~"}}"#).await;
        differ_in_case::<SkippedOutside>(r#"{"C":{"q":"~"}}"#).await;
        differ_in_case::<DefaultOutside>(r#"{"C":{"q":"~"}}"#).await;
        differ_in_case::<NestedOutside>(r#"{"B":[{"B":{"q":"~"}}]}"#).await;
        differ_in_case::<NestedOutside>(r#"{"C":{"c":{"k":"C","q":"~"}}}"#).await;
        differ_in_case::<LowerBeside>(r#"{"k":"B","c":{"q":"~"}}"#).await;
        differ_in_case::<SkippedBeside>(r#"{"k":"C","c":{"q":"~"}}"#).await;
    }

    #[tokio::test]
    async fn so_has_one_that_is_a_tuple() {
        differ_in_case::<TupleOutside>(r#"{"B":[1,"~"]}"#).await;
        differ_in_case::<NewOutside>(r#"{"B":"~"}"#).await;
        differ_in_case::<TupleBeside>(r#"{"k":"B","c":[1,"~"]}"#).await;
        differ_in_case::<TupleUntagged>(r#"[1,"~"]"#).await;
    }

    #[tokio::test]
    async fn so_has_one_with_its_tag_inside() {
        differ_in_case::<LowerInside>(r#"{"k":"B","q":"~"}"#).await;
        differ_in_case::<SkippedInside>(r#"{"k":"C","q":"~"}"#).await;
        differ_in_case::<DefaultInside>(r#"{"k":"B","q":"~"}"#).await;
        differ::<DefaultInside>(&[&[("by", r#"{"k":"B"}"#)], &[("by", r#"{"k":"B","q":""}"#)]])
            .await;
    }

    #[tokio::test]
    async fn so_has_one_without_a_tag() {
        differ_in_case::<LowerUntagged>(r#"{"q":"~"}"#).await;
        differ_in_case::<SkippedUntagged>(r#"{"r":[],"q":"~"}"#).await;
        differ_in_case::<NewUntagged>("~").await;
    }
}
