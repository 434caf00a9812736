//! What of the arguments is part of the key.

use super::*;

pub(super) mod seconds {
    use super::*;
    use std::time::Duration;

    pub(in super::super) fn serialize<S: Serializer>(
        time: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_secs())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
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
fn a_panic_over_a_sample_does_not_prevent_the_start() {
    assert_eq!(check::<Panicking>(), Ok(()));
}

/// Reads what it is given in another form, and writes the form that it keeps.
#[derive(Debug, Serialize)]
pub(super) struct Sku(String);

impl<'de> Deserialize<'de> for Sku {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(String::deserialize(deserializer)?.to_uppercase()))
    }
}

pub(super) fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
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
pub(super) enum Grade {
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

#[derive(Debug, Serialize, Deserialize)]
struct Plain {
    x: i64,
    #[serde(default)]
    y: f64,
    name: Option<String>,
    #[serde(default)]
    list: Vec<u8>,
    #[serde(default)]
    map: HashMap<String, i64>,
    #[serde(default)]
    pair: (i64, char),
    id: Option<Sku>,
    #[serde(default)]
    wait: std::time::Duration,
    #[serde(default)]
    flag: bool,
}

/// These texts are in stores: they stay as they are.
#[tokio::test]
async fn plain_arguments_are_written_as_python_literals() {
    for (given, expected) in [
        (
            &[("x", "12")][..],
            "{'x': 12, 'y': 0.0, 'name': None, 'list': [], 'map': {}, 'pair': (0, '\\x00'), 'id': None, \
             'wait': {'secs': 0, 'nanos': 0}, 'flag': False}",
        ),
        (
            &[
                ("x", "-1"),
                ("y", "1e16"),
                ("name", "it's"),
                ("list", "[1,2]"),
                ("map", "{\"b\":2,\"a\":1}"),
                ("pair", "[1,\"a\"]"),
                ("id", "AB"),
                ("wait", "{\"secs\":1,\"nanos\":2}"),
                ("flag", "yes"),
            ],
            "{'x': -1, 'y': 1e+16, 'name': 'it\\'s', 'list': [1, 2], 'map': {'a': 1, 'b': 2}, 'pair': (1, 'a'), \
             'id': 'AB', 'wait': {'secs': 1, 'nanos': 2}, 'flag': True}",
        ),
    ] {
        assert_eq!(key::<Plain>(given).await, expected);
    }
}

/// The default of a type that is not plain is known only by what is written of it.
#[derive(Debug, Serialize, Deserialize)]
#[expect(dead_code, reason = "it is to be left out")]
struct Defaults {
    #[serde(default = "best")]
    grade: Grade,
    other: Option<Grade>,
    #[serde(default)]
    more: Vec<Grade>,
    #[serde(default = "best", skip_serializing)]
    hidden: Grade,
}

const fn best() -> Grade {
    Grade::Best
}

#[derive(Debug, Serialize, Deserialize)]
struct Graded {
    #[serde(default = "best")]
    grade: Grade,
    other: Option<Grade>,
    #[serde(default)]
    more: Vec<Grade>,
}

#[tokio::test]
async fn a_default_is_told_from_what_is_given() {
    for (given, expected) in [
        (
            &[][..],
            "{'grade': Default('Best'), 'other': None, 'more': []}",
        ),
        (
            &[("grade", "Best")],
            "{'grade': 'Best', 'other': None, 'more': []}",
        ),
        (
            &[("grade", "top")],
            "{'grade': Read('top', 'Best'), 'other': None, 'more': []}",
        ),
        (
            &[("other", "b"), ("more", "[\"b\",\"Best\"]")],
            "{'grade': Default('Best'), 'other': 'b', 'more': ['b', 'Best']}",
        ),
    ] {
        assert_eq!(key::<Graded>(given).await, expected);
    }
    assert_eq!(
        key::<Defaults>(&[("hidden", "b")]).await,
        "Read({'hidden': 'b'}, {'grade': 'Best', 'more': [], 'other': None})"
    );
}

#[tokio::test]
async fn a_function_that_reads_many_forms_of_a_plain_type_has_one_key_for_them() {
    assert_eq!(check::<Sound>(), Ok(()));
    let app = app::<Sound>();
    for (sku, word) in [("ab", " a"), ("AB", "A"), ("aB", "a")] {
        let grade = "Best";
        let shown = shown(&app, &[("sku", sku), ("grade", grade), ("word", word)])
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

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    Name,
    Price,
}

#[derive(Debug, Serialize, Deserialize)]
struct Ordered {
    #[serde(default = "by_name")]
    order: Order,
}

const fn by_name() -> Order {
    Order::Name
}

/// What an enum without data and without aliases writes determines the value.
#[tokio::test]
async fn a_default_of_a_plain_enum_is_one_page_with_the_same_value_given() {
    for (given, expected) in [
        (&[][..], "{'order': 'name'}"),
        (&[("order", "name")], "{'order': 'name'}"),
        (&[("order", "price")], "{'order': 'price'}"),
    ] {
        assert_eq!(key::<Ordered>(given).await, expected);
    }
}
