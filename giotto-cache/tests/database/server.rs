//! What can happen to a database server.

use test_servers::Session;

use super::*;

/// A database that is a server, which can be lost.
pub(super) trait Server: Database {
    const IS_EMPTY_AFTER_A_CRASH: bool;

    /// A session that has the table locked until it is dropped.
    fn lock(&self) -> Session;

    fn freeze(&self);

    fn thaw(&self);

    fn kill(&mut self);

    fn restart(&mut self);
}

/// What the servers of `test_servers` have in common: methods of the same names, but no trait.
macro_rules! is_a_server {
    ($server:ident { value_of: $value:literal, lock: $lock:literal, is_empty_after_a_crash: $is_empty:literal, }) => {
        impl $crate::Database for $server {
            fn store(&self) -> DatabaseKeyValue {
                let store = DatabaseKeyValue::from_url(&self.url()).unwrap();
                store.timeout(PATIENCE)
            }

            fn number(&self, sql: &str) -> u64 {
                self.sql(sql).parse().unwrap()
            }

            fn value_of(&self, bytes: usize) -> String {
                format!($value, bytes)
            }

            fn execute(&self, sql: &str) {
                self.sql(sql);
            }
        }

        impl $crate::server::Server for $server {
            const IS_EMPTY_AFTER_A_CRASH: bool = $is_empty;

            fn lock(&self) -> test_servers::Session {
                self.session($lock)
            }

            fn freeze(&self) {
                self.freeze();
            }

            fn thaw(&self) {
                self.thaw();
            }

            fn kill(&mut self) {
                self.kill();
            }

            fn restart(&mut self) {
                self.restart();
            }
        }
    };
}
pub(super) use is_a_server;

/// What a store gives a call that is not told otherwise.
const TIMEOUT: Duration = Duration::from_secs(1);

pub(super) async fn survives(server: &mut impl Server) {
    a_locked_table_holds_up_nobody_for_long(server).await;
    a_frozen_server_is_left_alone_and_comes_back(server).await;
    a_killed_server_fails_at_once_and_comes_back(server).await;
}

pub(super) async fn a_missing_table_says_what_to_do(server: &impl Server) {
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

async fn a_locked_table_holds_up_nobody_for_long(server: &impl Server) {
    let store = server.store().timeout(TIMEOUT);
    set_many(&store).await;
    let session = server.lock();
    calls_are_late(&store).await;
    drop(session);
    recovers(&store).await;
    all_are_own(&store).await;
}

async fn a_frozen_server_is_left_alone_and_comes_back(server: &impl Server) {
    let store = server.store().timeout(TIMEOUT);
    set_many(&store).await;
    server.freeze();
    calls_are_late(&store).await;
    server.thaw();
    recovers(&store).await;
    all_are_own(&store).await;
}

async fn a_killed_server_fails_at_once_and_comes_back<S: Server>(server: &mut S) {
    let store = server.store().timeout(TIMEOUT);
    in_parallel(8, |_| {
        let store = store.clone();
        async move { store.get("own 1").await.unwrap() }
    })
    .await;
    server.kill();
    fails_at_once(&store).await;
    server.restart();
    recovers(&store).await;
    if S::IS_EMPTY_AFTER_A_CRASH {
        assert_eq!(store.get("own 1").await.unwrap(), None);
    }
    set_many(&store).await;
    all_are_own(&store).await;
}
