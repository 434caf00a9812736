//! PostgreSQL, and what can happen to it.

use test_servers::Postgres;

use super::server::{a_missing_table_says_what_to_do, is_a_server, survives};
use super::*;

is_a_server!(Postgres {
    value_of: "convert_to(repeat('x', {}), 'UTF8')",
    lock: "BEGIN; LOCK TABLE giotto_cache IN ACCESS EXCLUSIVE MODE",
    is_empty_after_a_crash: true,
});

#[tokio::test(flavor = "multi_thread")]
async fn postgres_obeys_the_contract_and_survives() {
    let mut server = Postgres::start();
    a_missing_table_says_what_to_do(&server).await;
    check(&server).await;
    the_key_is_readable(&server).await;
    an_entry_lives_by_the_clock_of_the_server(&server).await;
    survives(&mut server).await;
}

async fn the_key_is_readable(server: &Postgres) {
    let key = "{'x': 12}(squared)(text/html)";
    server.store().set(key, "144".into(), None).await.unwrap();
    let found = server.sql("SELECT key FROM giotto_cache WHERE value = '144'");
    assert_eq!(found, key);
    let kind = "SELECT relpersistence FROM pg_class WHERE relname = 'giotto_cache'";
    assert_eq!(server.sql(kind), "u", "the table is UNLOGGED");
}

async fn an_entry_lives_by_the_clock_of_the_server(server: &Postgres) {
    let store = server.store();
    store
        .set("hour", "value".into(), Some(Duration::from_secs(3600)))
        .await
        .unwrap();
    store
        .set("never", "value".into(), Some(Duration::MAX))
        .await
        .unwrap();
    let left = "SELECT round((expires - extract(epoch FROM now()) * 1000) / 10000) \
                FROM giotto_cache WHERE key = 'hour'";
    assert_eq!(server.number(left), 360);
    let never = "SELECT COUNT(*) FROM giotto_cache WHERE key = 'never' AND expires IS NULL";
    assert_eq!(server.number(never), 1);
    server.sql("UPDATE giotto_cache SET expires = expires - 3600000 WHERE key = 'hour'");
    assert_eq!(store.get("hour").await.unwrap(), None);
}
