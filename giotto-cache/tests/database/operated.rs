//! Database servers as they are operated: idle and restarted, with few connections, few rights and settings of their own.

use test_servers::{MariaDb, Postgres};

use super::server::Server;
use super::*;
use crate::soon::soon;

/// What each kind of server has its own words for.
trait Operated: Server {
    /// The URL of a user with another name.
    fn url_as(&self, user: &str) -> String;

    /// Creates a user without any right, with at most this many `connections`.
    fn create_user(&self, user: &str, connections: u32);

    /// The user of the store may do everything in it.
    fn own_schema(&self, schema: &str);

    fn grant(&self, rights: &str, table: &str, user: &str);

    /// How many connections users other than the administrator's client have.
    fn connections(&self) -> u64;

    /// Ends them all.
    fn terminate(&self);

    /// New sessions are ended after a moment without a statement, or are not.
    fn end_idle_sessions(&self, does: bool);
}

impl Operated for Postgres {
    fn url_as(&self, user: &str) -> String {
        self.url_of(user, "cache")
    }

    fn create_user(&self, user: &str, connections: u32) {
        self.sql(&format!(
            "CREATE ROLE {user} LOGIN CONNECTION LIMIT {connections}"
        ));
    }

    fn own_schema(&self, _: &str) {}

    fn grant(&self, rights: &str, table: &str, user: &str) {
        self.sql(&format!("GRANT {rights} ON {table} TO {user}"));
    }

    fn connections(&self) -> u64 {
        self.number(
            "SELECT count(*) FROM pg_stat_activity
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        )
    }

    fn terminate(&self) {
        self.sql(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        );
    }

    fn end_idle_sessions(&self, does: bool) {
        let timeout = if does { "1s" } else { "0" };
        self.sql(&format!(
            "ALTER DATABASE cache SET idle_session_timeout = '{timeout}'"
        ));
    }
}

impl Operated for MariaDb {
    fn url_as(&self, user: &str) -> String {
        self.url_of(user)
    }

    fn create_user(&self, user: &str, connections: u32) {
        self.sql(&format!(
            "CREATE USER {user}@'%' IDENTIFIED BY 'secret' WITH MAX_USER_CONNECTIONS {connections}"
        ));
    }

    fn own_schema(&self, schema: &str) {
        self.sql(&format!("GRANT ALL ON {schema}.* TO cache@'%'"));
    }

    fn grant(&self, rights: &str, table: &str, user: &str) {
        self.sql(&format!("GRANT {rights} ON {table} TO {user}@'%'"));
    }

    fn connections(&self) -> u64 {
        self.number(
            "SELECT COUNT(*) FROM information_schema.processlist
             WHERE user NOT IN ('root', 'system user') AND command <> 'Daemon'",
        )
    }

    fn terminate(&self) {
        self.sql("KILL USER cache");
    }

    fn end_idle_sessions(&self, does: bool) {
        let seconds = if does { "1" } else { "DEFAULT" };
        self.sql(&format!("SET GLOBAL wait_timeout = {seconds}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_works_as_it_is_operated() {
    let mut server = Postgres::start();
    is_used(&mut server).await;
    a_database_of_few_characters_holds_every_key(&server).await;
    sessions_that_are_read_only_or_serializable_by_default_are_written_to(&server).await;
}

/// Such a log takes no writers who see what others commit.
#[tokio::test(flavor = "multi_thread")]
async fn mysql_is_used_where_its_log_is_one_of_statements() {
    let server = MariaDb::start_with(&["--log-bin", "--binlog-format=STATEMENT"]);
    let log = server.sql("SELECT @@log_bin, @@binlog_format");
    assert_eq!(log, "1\tSTATEMENT");
    let store = server.store();
    store.syncdb().await.unwrap();
    check_rights(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_works_as_it_is_operated() {
    let mut server = MariaDb::start();
    is_used(&mut server).await;
    a_session_in_another_charset_has_the_same_keys(&server).await;
    a_server_with_too_many_connections_is_used_with_fewer(&server).await;
    settings_of_the_server_are_not_relied_on(&server).await;
}

async fn is_used(server: &mut impl Operated) {
    server.store().syncdb().await.unwrap();
    set_many(&server.store()).await;
    connections_that_the_server_ended_are_no_miss(server).await;
    a_user_of_few_connections_waits_for_a_turn(server).await;
    a_limit_that_is_set_is_kept(server).await;
    a_user_with_few_rights_uses_a_table_that_is_there(server).await;
    what_one_value_is_refused_for_is_no_outage(server).await;
    a_table_in_a_schema_is_that_one(server).await;
}

async fn opens_some(store: &DatabaseKeyValue, server: &impl Operated) {
    let started = Instant::now();
    while server.connections() < 3 {
        assert!(started.elapsed() < PATIENCE, "three at a time");
        in_parallel(16, |_| {
            let store = store.clone();
            async move { in_the_end(|| store.get("own 1")).await }
        })
        .await;
    }
}

async fn connections_that_the_server_ended_are_no_miss(server: &mut impl Operated) {
    let store = server.store();
    let ended = |server: &_| Operated::connections(server) == 0;
    opens_some(&store, server).await;
    server.terminate();
    soon("they are ended", async || ended(server)).await;
    all_are_own(&store).await;

    server.end_idle_sessions(true);
    let idle = server.store();
    opens_some(&idle, server).await;
    drop(store);
    soon("all have been idle", async || ended(server)).await;
    all_are_own(&idle).await;
    server.end_idle_sessions(false);

    let store = server.store();
    opens_some(&store, server).await;
    server.restart();
    for _ in 0..20 {
        in_the_end(|| store.get("own 1")).await;
    }
    set_many(&store).await;
}

async fn a_user_of_few_connections_waits_for_a_turn(server: &impl Operated) {
    server.create_user("few", 3);
    server.grant("SELECT, INSERT, UPDATE, DELETE", "giotto_cache", "few");
    let store = DatabaseKeyValue::from_url(&server.url_as("few")).unwrap();
    soon("all three are open", async || {
        all_are_own_in_parallel(&store).await;
        server.connections() >= 3
    })
    .await;
    // Another process, a command, has one soon after this one is idle.
    recovers(&DatabaseKeyValue::from_url(&server.url_as("few")).unwrap()).await;
}

async fn all_are_own_in_parallel(store: &DatabaseKeyValue) {
    in_parallel(32, |task| {
        let store = store.clone();
        async move {
            for round in 0..25 {
                let key = format!("own {}", (task * 13 + round) % 100);
                let found = in_the_end(|| store.get(&key)).await;
                assert_eq!(found, Some(key.into()));
            }
        }
    })
    .await;
}

async fn a_limit_that_is_set_is_kept(server: &impl Operated) {
    soon("all others are closed", async || server.connections() == 0).await;
    server.create_user("two", 2);
    server.grant("SELECT, INSERT, UPDATE, DELETE", "giotto_cache", "two");
    let url = server.url_as("two");
    let in_url = DatabaseKeyValue::from_url(&format!("{url}?max_connections=2")).unwrap();
    soon("both are open", async || {
        all_are_own_in_parallel(&in_url).await;
        server.connections() == 2
    })
    .await;
    // There is none left for this one.
    let other = DatabaseKeyValue::from_url(&url).unwrap();
    let error = other.get("own 1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Backend);
    assert!(error.to_string().contains("set max_connections"), "{error}");
    drop(in_url);
    recovers(&other).await;

    let one = server.store().max_connections(1);
    drop(other);
    soon("the others are closed", async || {
        all_are_own_in_parallel(&one).await;
        server.connections() == 1
    })
    .await;
}

async fn a_user_with_few_rights_uses_a_table_that_is_there(server: &impl Operated) {
    server.create_user("reader", 5);
    server.grant("SELECT, DELETE", "giotto_cache", "reader");
    let store = DatabaseKeyValue::from_url(&server.url_as("reader")).unwrap();
    let error = store.syncdb().await.unwrap_err().to_string();
    assert!(
        error.contains("lacks INSERT, UPDATE on the table \"giotto_cache\"")
            && error.contains("GRANT INSERT, UPDATE ON"),
        "{error}"
    );
    let refused = store.set("key", "a".into(), None).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Backend);
    assert!(refused.to_string().contains("grant SELECT"), "{refused}");
    assert!(store.get("own 1").await.unwrap().is_some());

    server.create_user("writer", 5);
    server.grant("SELECT, INSERT, UPDATE, DELETE", "giotto_cache", "writer");
    let store = DatabaseKeyValue::from_url(&server.url_as("writer")).unwrap();
    for _ in 0..2 {
        store.syncdb().await.unwrap();
    }
    check_rights(&store).await;
}

/// Every statement but the one that creates the table.
async fn check_rights(store: &DatabaseKeyValue) {
    let store = store.clone().namespace("rights").unwrap();
    store.set("a", "a".into(), None).await.unwrap();
    assert!(store.add("b", "b".into(), None).await.unwrap());
    assert!(
        store
            .replace("b", b"b", Some("c".into()), None)
            .await
            .unwrap()
    );
    assert!(store.replace("b", b"c", None, None).await.unwrap());
    assert!(store.delete("a").await.unwrap());
    store.get_many(&["a", "b"]).await.unwrap();
    store.sweep().await.unwrap();
    store.clear().await.unwrap();
    store.settle().await;
}

async fn what_one_value_is_refused_for_is_no_outage(server: &impl Operated) {
    let store = server.store().table("refusing").unwrap();
    store.syncdb().await.unwrap();
    server.execute("ALTER TABLE refusing ADD CHECK (size < 5000)");
    for _ in 0..20 {
        let error = store
            .set("key", vec![0; 6000].into(), None)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
    }
    store.set("key", "value".into(), None).await.unwrap();
    assert_eq!(store.get("key").await.unwrap(), Some("value".into()));
}

async fn a_table_in_a_schema_is_that_one(server: &impl Operated) {
    server.execute("CREATE SCHEMA side");
    server.own_schema("side");
    let store = server.store().table("side.pages").unwrap();
    let error = store.get("key").await.unwrap_err().to_string();
    assert!(
        error.contains("the table \"side.pages\" does not exist"),
        "{error}"
    );
    for _ in 0..2 {
        store.syncdb().await.unwrap();
    }
    store.set("key", "value".into(), None).await.unwrap();
    assert_eq!(server.number("SELECT COUNT(*) FROM side.pages"), 1);
    assert_eq!(store.get("key").await.unwrap(), Some("value".into()));
    store.sweep().await.unwrap();
}

async fn a_database_of_few_characters_holds_every_key(server: &Postgres) {
    server.sql("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0");
    let url = server.url_of("postgres", "latin");
    let store = || DatabaseKeyValue::from_url(&url).unwrap();
    store().syncdb().await.unwrap();
    let [ours, neighbour] = ["ours", "ours.too"].map(|name| store().namespace(name).unwrap());
    let subject = Subject::new(Arc::new(ours)).atomic().enumerable();
    conformance::check(&subject.neighbour(Arc::new(neighbour))).await;
    let key = "{'q': '\u{4e2d}\u{6587}'}(search)(text/html)";
    let store = store();
    store.set(key, "value".into(), None).await.unwrap();
    let many = store.get_many(&[key, "{'q': '\\u{4e2d}'}"]).await.unwrap();
    assert_eq!(many, [Some("value".into()), None]);
    store
        .delete_containing("\u{6587}'}(search)(")
        .await
        .unwrap();
    assert_eq!(store.get(key).await.unwrap(), None);
}

async fn sessions_that_are_read_only_or_serializable_by_default_are_written_to(server: &Postgres) {
    server.sql(
        "ALTER DATABASE cache SET default_transaction_read_only = on;
         ALTER DATABASE cache SET default_transaction_isolation = 'serializable';
         ALTER DATABASE cache SET statement_timeout = '1ms'",
    );
    let store = server.store();
    store.syncdb().await.unwrap();
    check_rights(&store).await;
    let added = in_parallel(16, |task| {
        let store = store.clone();
        async move { in_the_end(|| store.add("isolated", task.to_string().into(), None)).await }
    })
    .await;
    assert_eq!(added.iter().filter(|added| **added).count(), 1, "{added:?}");
}

async fn a_session_in_another_charset_has_the_same_keys(server: &MariaDb) {
    let url = format!("{}?charset=latin1&ssl-mode=DISABLED", server.url());
    let latin = DatabaseKeyValue::from_url(&url).unwrap();
    let key = "{'q': '\u{4e2d}\u{e9}'}(search)(text/html)";
    latin.set(key, "value".into(), None).await.unwrap();
    assert_eq!(latin.get(key).await.unwrap(), Some("value".into()));
    let many = server.store().get_many(&[key]).await.unwrap();
    assert_eq!(many, [Some("value".into())]);
}

async fn a_server_with_too_many_connections_is_used_with_fewer(server: &MariaDb) {
    server.sql("SET GLOBAL max_connections = 10");
    let sessions: Vec<_> = (0..7).map(|_| server.session("SELECT 1")).collect();
    all_are_own_in_parallel(&server.store()).await;
    drop(sessions);
    server.sql("SET GLOBAL max_connections = DEFAULT");
}

async fn settings_of_the_server_are_not_relied_on(server: &MariaDb) {
    server.sql(
        "SET GLOBAL autocommit = 0, sql_safe_updates = 1, sql_select_limit = 2,
         sql_mode = 'ORACLE,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,EMPTY_STRING_IS_NULL',
         tx_isolation = 'SERIALIZABLE', tx_read_only = 1",
    );
    let [store, other] = [server.store(), server.store()];
    store.syncdb().await.unwrap();
    check_rights(&store).await;
    store.set("kept", "value".into(), None).await.unwrap();
    let kept = other.get("kept").await.unwrap();
    assert_eq!(kept, Some("value".into()), "it was committed");
    assert!(other.delete("kept").await.unwrap());
    assert_eq!(store.get("kept").await.unwrap(), None, "so was this");
    set_many(&store).await;
    let keys: Vec<_> = (0..100).map(|number| format!("own {number}")).collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let found = other.get_many(&keys).await.unwrap();
    assert!(found.iter().all(Option::is_some), "all, not two");
    store.set("", Bytes::new(), None).await.unwrap();
    assert_eq!(other.get("").await.unwrap(), Some(Bytes::new()));
    let page = "{}(squared)(text/html)";
    store.set(page, "page".into(), None).await.unwrap();
    store.clear().await.unwrap();
    assert_eq!(other.get(page).await.unwrap(), None);
}
