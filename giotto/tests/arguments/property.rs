//! No request gets the page of another one, whatever the arguments are. One application answers all cases.

use super::folds::{as_u8, minus_one, sorted, without_dashes};
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
