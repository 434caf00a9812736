//! Enums of every form as arguments.

use super::keys::{Grade, Sku, seconds, trimmed};
use super::*;

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

#[tokio::test]
async fn a_set_in_a_variant_has_one_page() {
    use crate::sets::have_one_page;

    let [one, two] = [r#"["a","b","c"]"#, r#"["c","b","a"]"#];
    for (set, other) in [(one, two), (two, two)] {
        let [one, two] = [set, other].map(|set| format!(r#"{{"Some":{set}}}"#));
        have_one_page::<SetOutside>(&[&[("by", &one)], &[("by", &two)]]).await;
        let [one, two] = [set, other].map(|set| format!(r#"{{"Some":{{"words":[{set}]}}}}"#));
        have_one_page::<SetDeep>(&[&[("by", &one)], &[("by", &two)]]).await;
    }
    // serde keeps what is beside a tag before it knows that it is a set.
    let inside = format!(r#"{{"k":"Some","words":{one}}}"#);
    have_one_page::<SetInside>(&[&[("by", &inside)]]).await;
    let beside = format!(r#"{{"k":"Some","c":{one}}}"#);
    have_one_page::<SetBeside>(&[&[("by", &beside)]]).await;
    let untagged = format!(r#"{{"words":{one}}}"#);
    have_one_page::<SetUntagged>(&[&[("by", &untagged)]]).await;
}

#[tokio::test]
async fn variants_are_written_as_they_are_read() {
    for (by, expected) in [
        ("A", "'A'"),
        (
            r#"{"B":{"q":"x","s":"S","w":"w"}}"#,
            "{'B': {'q': 'x', 's': 'S', 'w': 'w'}}",
        ),
        (
            r#"{"B":{"w":"w","s":"S","q":"x","junk":1}}"#,
            "{'B': {'q': 'x', 's': 'S', 'w': 'w'}}",
        ),
        (r#"{"C":[1,"S"]}"#, "{'C': (1, 'S')}"),
        (r#"{"D":{"D":"A"}}"#, "{'D': {'D': 'A'}}"),
        (r#"{"C":[1,"s"]}"#, "Read({'C': (1, 's')}, {'C': ['S', 1]})"),
    ] {
        let expected = format!("{{'x': 0, 'by': {expected}, 'more': []}}");
        assert_eq!(key::<Outside>(&[("by", by)]).await, expected);
    }
}

#[test]
fn variants_that_are_written_in_full_are_accepted() {
    assert_eq!(check::<Outside>(), Ok(()));
    assert_eq!(check::<Inside>(), Ok(()));
    assert_eq!(check::<Beside>(), Ok(()));
    assert_eq!(check::<Untagged>(), Ok(()));
}
