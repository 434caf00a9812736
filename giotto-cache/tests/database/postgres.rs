//! PostgreSQL, and what can happen to it.

use test_servers::Postgres;

use super::*;

impl Database for Postgres {
    fn store(&self) -> DatabaseKeyValue {
        DatabaseKeyValue::from_url(&self.url()).unwrap()
    }

    fn number(&self, sql: &str) -> u64 {
        self.sql(sql).parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_obeys_the_contract_and_survives() {
    let mut server = Postgres::start();
    a_missing_table_says_what_to_do(&server).await;
    check(&server).await;
    the_key_is_readable(&server).await;
    an_entry_lives_by_the_clock_of_the_server(&server).await;
    a_locked_table_holds_up_nobody_for_long(&server).await;
    a_frozen_server_is_left_alone_and_comes_back(&server).await;
    a_killed_server_fails_at_once_and_comes_back(&mut server).await;
}

async fn a_missing_table_says_what_to_do(server: &Postgres) {
    let error = server.store().get("key").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend);
    let message = error.to_string();
    let remedy =
        ": the table \"giotto_cache\" does not exist: create it with the command mgt/syncdb";
    assert!(
        message.starts_with("the cache database at ") && message.ends_with(remedy),
        "{message}"
    );
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

async fn a_locked_table_holds_up_nobody_for_long(server: &Postgres) {
    let store = server.store();
    set_many(&store).await;
    let session = server.session("BEGIN; LOCK TABLE giotto_cache IN ACCESS EXCLUSIVE MODE");
    calls_are_late(&store).await;
    drop(session);
    recovers(&store).await;
    all_are_own(&store).await;
}

async fn a_frozen_server_is_left_alone_and_comes_back(server: &Postgres) {
    let store = server.store();
    set_many(&store).await;
    server.freeze();
    calls_are_late(&store).await;
    server.thaw();
    recovers(&store).await;
    all_are_own(&store).await;
}

async fn a_killed_server_fails_at_once_and_comes_back(server: &mut Postgres) {
    let store = server.store();
    in_parallel(8, |_| {
        let store = store.clone();
        async move { store.get("own 1").await.unwrap() }
    })
    .await;
    server.kill();
    fails_at_once(&store).await;
    server.restart();
    recovers(&store).await;
    assert_eq!(
        store.get("own 1").await.unwrap(),
        None,
        "an unlogged table is empty after a crash"
    );
    set_many(&store).await;
    all_are_own(&store).await;
}
