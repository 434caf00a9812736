//! The table: its name, what clears it, and what it says of its size.

use bytes::Bytes;
use giotto_cache::KeyValue;

use crate::Database;

pub(crate) async fn check(database: &impl Database) {
    a_table_may_have_any_name(database).await;
    clear_without_a_namespace_removes_the_keys_of_programs(database).await;
    what_contains_a_part_is_removed_and_nothing_else(database).await;
    a_measure_is_of_the_whole_table(database).await;
}

async fn a_table_may_have_any_name(database: &impl Database) {
    let store = database.store().table("a \"cache`' table; --").unwrap();
    for _ in 0..2 {
        store.syncdb().await.unwrap();
    }
    store.set("key", "value".into(), None).await.unwrap();
    let other = database.store();
    assert_eq!(other.get("key").await.unwrap(), None, "another table");
    let again = database.store().table("a \"cache`' table; --").unwrap();
    assert_eq!(again.get("key").await.unwrap(), Some("value".into()));
    store.sweep().await.unwrap();
    store.clear().await.unwrap();
}

async fn clear_without_a_namespace_removes_the_keys_of_programs(database: &impl Database) {
    let store = database.store();
    let program = "{'x': '%_\\'}(squared)(text/html)";
    for key in [program, "prod:{}(squared)(text/html)", "", "[{"] {
        store.set(key, "value".into(), None).await.unwrap();
    }
    store.clear().await.unwrap();
    assert_eq!(store.get(program).await.unwrap(), None);
    for key in ["prod:{}(squared)(text/html)", "", "[{"] {
        assert!(store.get(key).await.unwrap().is_some(), "{key}");
    }
}

async fn what_contains_a_part_is_removed_and_nothing_else(database: &impl Database) {
    let [prod, test] = ["prod", "test"].map(|name| database.store().namespace(name).unwrap());
    let store = database.store();
    let pages = [
        "{'x': 12}(squared)(text/html)",
        "{'x': '\0\u{4e2d}'}(squared)(text/html)",
        "{'x': 12}(Squared)(text/html)",
        "{'x': 12}(%quared)(text/html)",
        "{'x': 12}(_quared)(text/html)",
    ];
    for store in [&prod, &test, &store] {
        for page in pages {
            store.set(page, "page".into(), None).await.unwrap();
        }
    }
    let left = async || {
        let mut left = [0; 3];
        for (left, store) in left.iter_mut().zip([&prod, &test, &store]) {
            let found = store.get_many(&pages).await.unwrap();
            *left = found.iter().flatten().count();
        }
        left
    };
    for (store, part, expected) in [
        (&prod, "(squared)(", [3, 5, 5]),
        (&store, "(%quared)(", [3, 5, 4]),
        (&test, "_\0'\\ absent", [3, 5, 4]),
        (&test, "\0\u{4e2d}'}(", [3, 4, 4]),
    ] {
        store.delete_containing(part).await.unwrap();
        assert_eq!(left().await, expected, "{part:?}");
    }
}

async fn a_measure_is_of_the_whole_table(database: &impl Database) {
    let store = database.store().table("measured").unwrap();
    let store = store.max_rows(70).max_bytes(70_000);
    store.syncdb().await.unwrap();
    let measured = async || {
        let measure = store.measure().await.unwrap();
        assert_eq!(
            (measure.max_entries, measure.max_bytes, measure.is_estimate),
            (Some(70), Some(70_000), false)
        );
        (measure.entries, measure.bytes)
    };
    assert_eq!(measured().await, (Some(0), Some(0)));
    let prod = store.clone().namespace("prod").unwrap();
    prod.set("{}(squared)(text/html)", Bytes::new(), None)
        .await
        .unwrap();
    for number in 0..50 {
        let key = format!("{{'x': {number}}}(squared)(text/html)");
        store.set(&key, vec![0; 866].into(), None).await.unwrap();
    }
    let bytes = database.number("SELECT SUM(size) FROM measured");
    assert_eq!(measured().await, (Some(51), Some(bytes)));
    store.clear().await.unwrap();
    let bytes = database.number("SELECT SUM(size) FROM measured");
    assert_eq!(measured().await, (Some(1), Some(bytes)));
}
