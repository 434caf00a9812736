//! What of the arguments is part of the key.

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

mod seconds {
    use super::*;
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
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

#[test]
fn a_program_whose_key_leaves_something_out_is_refused() {
    is_refused::<Lower>(&["'text'", "same key", "serialize_with"]);
    is_refused::<Folded>(&["'word'", "same key", "with"]);
    is_refused::<Rounded>(&["'ratio'", "same key"]);
    is_refused::<Counted>(&["'list'", "same key"]);
    is_refused::<Small>(&["'number'", "same key"]);
    is_refused::<Deep>(&["'filters'", "same key"]);
    is_refused::<Handmade>(&["'email'", "same key"]);
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

    macro_rules! sound {
        ($($name:ident $(#[$form:meta])* { $($body:tt)* })*) => {
            $(#[derive(Debug, Serialize, Deserialize)]
            struct $name {
                #[serde(default)]
                x: i64,
                by: sound::$name,
                #[serde(default)]
                more: Vec<sound::$name>,
            })*

            mod sound {
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
    }

    type Words = HashSet<String>;

    sound! {
        SetOutside { None, Some(Words) }
        SetDeep { None, Other { n: i64 }, Some { words: Option<Vec<Words>> } }
        SetInside #[serde(tag = "k")] { None, Some { words: Words } }
        SetBeside #[serde(tag = "k", content = "c")] { None, Some(Words) }
        SetUntagged #[serde(untagged)] { One { n: i64 }, Some { words: Words } }
        Outside { A, B { q: String, s: Sku, #[serde(deserialize_with = "trimmed")] w: String }, C(i64, Sku), D(Box<Self>) }
        Inside #[serde(tag = "k")] {
            #[serde(alias = "a")] A,
            B { q: String, s: Sku, #[serde(deserialize_with = "trimmed")] w: String, g: Grade, #[serde(serialize_with = "seconds::serialize", deserialize_with = "seconds::deserialize")] d: std::time::Duration },
            C { g: Option<Grade> },
        }
        Beside #[serde(tag = "k", content = "c")] { A, B { q: String, s: Sku }, C(i64, Sku), D(Grade) }
        Untagged #[serde(untagged)] { A { n: i64 }, B { q: String, s: Sku, g: Grade }, C(i64, Sku), D(Sku), E(Vec<Sku>), F(BTreeMap<String, Self>) }
    }

    #[test]
    fn a_variant_that_is_not_the_first_and_leaves_something_out_is_refused() {
        is_refused::<LowerOutside>(&["'by'", "same key"]);
        is_refused::<SkippedOutside>(&["'by'", "same key"]);
        is_refused::<NestedOutside>(&["'by'", "same key"]);
        is_refused::<LowerBeside>(&["'by'", "same key"]);
        is_refused::<SkippedBeside>(&["'by'", "same key"]);
    }

    #[test]
    fn so_is_one_that_is_a_tuple() {
        is_refused::<TupleOutside>(&["'by'", "same key"]);
        is_refused::<NewOutside>(&["'by'", "same key"]);
        is_refused::<TupleBeside>(&["'by'", "same key"]);
        is_refused::<TupleUntagged>(&["'by'", "same key"]);
    }

    #[test]
    fn so_is_one_with_its_tag_inside() {
        is_refused::<LowerInside>(&["'by'", "same key"]);
        is_refused::<SkippedInside>(&["'by'", "same key"]);
        is_refused::<DefaultInside>(&["'by'", "same key"]);
    }

    #[test]
    fn so_is_one_without_a_tag() {
        is_refused::<LowerUntagged>(&["'by'", "same key"]);
        is_refused::<SkippedUntagged>(&["'by'", "same key"]);
    }

    #[test]
    fn a_set_in_a_variant_that_is_not_the_first_is_refused() {
        is_refused::<SetOutside>(&["BTreeSet"]);
        is_refused::<SetDeep>(&["BTreeSet"]);
        is_refused::<SetInside>(&["BTreeSet"]);
        is_refused::<SetBeside>(&["BTreeSet"]);
        is_refused::<SetUntagged>(&["BTreeSet"]);
    }

    #[test]
    fn variants_that_are_written_in_full_are_accepted() {
        assert_eq!(check::<Outside>(), Ok(()));
        assert_eq!(check::<Inside>(), Ok(()));
        assert_eq!(check::<Beside>(), Ok(()));
        assert_eq!(check::<Untagged>(), Ok(()));
    }
}

/// Code of the application that does not expect every value.
#[derive(Debug, Serialize, Deserialize)]
struct Panicking {
    #[serde(deserialize_with = "third", serialize_with = "second")]
    text: String,
}

fn third<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    assert!(text.len() > 2, "a panic of the application, on purpose");
    Ok(text)
}

fn second<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    assert!(
        !text.contains('2'),
        "a panic of the application, on purpose"
    );
    serializer.serialize_str(text)
}

#[test]
fn a_panic_over_a_sample_is_none_of_the_start() {
    assert_eq!(check::<Panicking>(), Ok(()));
}

/// Reads what it is given in another form, and writes the form that it keeps.
#[derive(Debug, Serialize)]
struct Sku(String);

impl<'de> Deserialize<'de> for Sku {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?.to_uppercase()))
    }
}

fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(String::deserialize(deserializer)?.trim().to_lowercase())
}

fn or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Debug, Serialize, Deserialize)]
struct Sound {
    sku: Sku,
    others: Option<Vec<Sku>>,
    #[serde(deserialize_with = "trimmed", default)]
    word: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    month: Option<u8>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    at: Option<std::net::IpAddr>,
    after: Option<std::time::Duration>,
    grade: Option<Grade>,
    ratio: Option<f32>,
    #[serde(deserialize_with = "or_default", default)]
    flag: bool,
    #[serde(with = "seconds", default)]
    wait: std::time::Duration,
    boxed: Option<Box<Tree>>,
    bytes: Option<[u8; 3]>,
    nothing: Option<()>,
    one: Option<One>,
    #[serde(skip)]
    #[expect(dead_code, reason = "it is left out on both sides")]
    cached: Option<String>,
    #[serde(skip_deserializing)]
    constant: u8,
}

#[derive(Debug, Serialize, Deserialize)]
enum Grade {
    #[serde(alias = "A", alias = "top")]
    Best,
    #[serde(rename = "b")]
    Good,
    #[serde(other)]
    Other,
}

#[derive(Debug, Serialize, Deserialize)]
enum One {
    Only,
}

#[derive(Debug, Serialize, Deserialize)]
struct Tree {
    #[serde(alias = "v")]
    value: i64,
    children: Vec<Self>,
    parent: Option<Box<Self>>,
}

#[tokio::test]
async fn a_type_that_reads_many_forms_has_one_key_for_them() {
    assert_eq!(check::<Sound>(), Ok(()));
    let app = app::<Sound>();
    for (sku, grade) in [("ab", "Best"), ("AB", "A"), ("aB", "top")] {
        let shown = shown(&app, &[("sku", sku), ("grade", grade), ("word", " a")])
            .await
            .unwrap();
        assert!(
            shown.contains("Sku(\"AB\")") && shown.contains("Best"),
            "{shown}"
        );
    }
    assert_eq!(
        app.shared_cache().counts().computed,
        2,
        "{} keys",
        "one for text/plain, one for text/cmd"
    );
    let shown = shown(&app, &[("sku", "a"), ("grade", "something else")])
        .await
        .unwrap();
    assert!(shown.contains("Some(Other)"), "{shown}");
}
