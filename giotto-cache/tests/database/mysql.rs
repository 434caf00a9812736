//! MariaDB, and what can happen to it.

use test_servers::MariaDb;

use super::server::{a_missing_table_says_what_to_do, is_a_server, survives};
use super::*;

is_a_server!(MariaDb {
    value_of: "REPEAT('x', {})",
    lock: "LOCK TABLES giotto_cache WRITE",
    is_empty_after_a_crash: false,
});

#[tokio::test(flavor = "multi_thread")]
async fn mysql_obeys_the_contract_and_survives() {
    let mut server = MariaDb::start();
    a_missing_table_says_what_to_do(&server).await;
    a_wrong_password_is_not_repeated(&server).await;
    check(&server).await;
    the_key_is_readable(&server).await;
    an_entry_lives_by_the_clock_of_the_server(&server).await;
    a_value_over_the_limit_of_the_server_leaves_nothing_behind(&server).await;
    survives(&mut server).await;
}

async fn a_wrong_password_is_not_repeated(server: &MariaDb) {
    let url = server.url().replace(":secret@", ":mistaken@");
    let store = DatabaseKeyValue::from_url(&url).unwrap();
    let error = store.get("key").await.unwrap_err();
    assert!(
        !format!("{error} {error:?} {store:?}").contains("mistaken"),
        "{error:?}"
    );
}

async fn the_key_is_readable(server: &MariaDb) {
    let key = "{'x': 12}(squared)(text/html)";
    server.store().set(key, "144".into(), None).await.unwrap();
    let found = server.sql("SELECT `key` FROM giotto_cache WHERE value = '144'");
    assert_eq!(found, key);
}

async fn an_entry_lives_by_the_clock_of_the_server(server: &MariaDb) {
    let store = server.store();
    store
        .set("hour", "value".into(), Some(Duration::from_secs(3600)))
        .await
        .unwrap();
    store
        .set("never", "value".into(), Some(Duration::MAX))
        .await
        .unwrap();
    let left = "SELECT ROUND((expires - UNIX_TIMESTAMP(NOW(3)) * 1000) / 10000) \
                FROM giotto_cache WHERE `key` = 'hour'";
    assert_eq!(server.number(left), 360);
    let never = "SELECT COUNT(*) FROM giotto_cache WHERE `key` = 'never' AND expires IS NULL";
    assert_eq!(server.number(never), 1);
    server.sql("UPDATE giotto_cache SET expires = expires - 3600000 WHERE `key` = 'hour'");
    assert_eq!(store.get("hour").await.unwrap(), None);
}

async fn a_value_over_the_limit_of_the_server_leaves_nothing_behind(server: &MariaDb) {
    server.sql("SET GLOBAL max_allowed_packet = 1048576");
    let store = server.store();
    let told = store.max_value();
    assert!(
        told.is_some_and(|told| told > 1 << 20),
        "not known yet: {told:?}"
    );
    store.set("large", "old".into(), None).await.unwrap();
    let refused = store
        .set("large", vec![0; 1 << 20].into(), None)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooLarge);
    for _ in 0..20 {
        assert_eq!(
            store.get("large").await.unwrap(),
            None,
            "and the connection is in order"
        );
    }
    assert_eq!(store.max_value(), Some((1 << 20) - 1024 - 128));
    let almost = Bytes::from(vec![b'x'; (1 << 20) - 2048]);
    store.set("large", almost.clone(), None).await.unwrap();
    let replace = store.replace("large", &almost, Some("new".into()), None);
    assert!(replace.await.unwrap());
    store.set("large", almost.clone(), None).await.unwrap();
    // Both are in one statement.
    let replace = store.replace("large", &almost, Some(almost.clone()), None);
    assert_eq!(replace.await.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(store.get("large").await.unwrap(), Some(almost));
    server.sql("SET GLOBAL max_allowed_packet = DEFAULT");
}
