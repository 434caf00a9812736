//! Fields of variants that are written as one text for two values, in enums of every form.

use super::folds::lower;
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
    differ::<DefaultInside>(&[&[("by", r#"{"k":"B"}"#)], &[("by", r#"{"k":"B","q":""}"#)]]).await;
}

#[tokio::test]
async fn so_has_one_without_a_tag() {
    differ_in_case::<LowerUntagged>(r#"{"q":"~"}"#).await;
    differ_in_case::<SkippedUntagged>(r#"{"r":[],"q":"~"}"#).await;
    differ_in_case::<NewUntagged>("~").await;
}
