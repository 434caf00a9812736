//! PostgreSQL behind a pooler that gives a session to another client after each transaction.

use test_servers::{PgBouncer, Postgres};

use super::*;

struct Pooled {
    server: Postgres,
    pooler: PgBouncer,
}

impl Database for Pooled {
    fn store(&self) -> DatabaseKeyValue {
        let store = DatabaseKeyValue::from_url(&self.pooler.url()).unwrap();
        store.timeout(PATIENCE)
    }

    fn number(&self, sql: &str) -> u64 {
        self.server.number(sql)
    }

    fn value_of(&self, bytes: usize) -> String {
        self.server.value_of(bytes)
    }

    fn execute(&self, sql: &str) {
        self.server.execute(sql);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_every_page_hits_and_nothing_is_left_in_its_sessions() {
    let server = Postgres::start();
    let pooler = PgBouncer::start(&server, 4, "");
    let pooled = Pooled { server, pooler };
    check(&pooled).await;
    every_page_hits(&pooled).await;
    nothing_is_left(&pooled);
    what_fails_on_its_own_is_rolled_back(&pooled).await;
    let Pooled { server, .. } = pooled;
    // It lets the options pass, and does nothing about them.
    let pooler = PgBouncer::start(&server, 2, "ignore_startup_parameters = options");
    let pooled = Pooled { server, pooler };
    every_page_hits(&pooled).await;
    nothing_is_left(&pooled);
    let Pooled { server, .. } = pooled;
    // It has fewer connections for its clients than the store wants.
    let pooler = PgBouncer::start(&server, 2, "max_client_conn = 3");
    let store = DatabaseKeyValue::from_url(&pooler.url()).unwrap();
    in_parallel(16, |_| {
        let store = store.clone();
        async move { in_the_end(|| store.get("own 1")).await.unwrap() }
    })
    .await;
}

async fn every_page_hits(pooled: &Pooled) {
    // Each has connections of its own, as processes have.
    let stores: Vec<_> = (0..6).map(|_| pooled.store()).collect();
    set_many(&stores[0]).await;
    in_parallel(24, |task| {
        let store = stores[task % 6].clone();
        async move {
            for round in 0..40 {
                let key = format!("own {}", (task * 13 + round) % 100);
                let found = in_the_end(|| store.get(&key)).await;
                assert_eq!(found, Some(key.clone().into()));
                if round % 8 == 0 {
                    in_the_end(|| store.set(&key, key.clone().into(), None)).await;
                }
            }
        }
    })
    .await;
}

fn nothing_is_left(pooled: &Pooled) {
    for _ in 0..20 {
        let left = pooled.pooler.sql(
            "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),
             current_setting('client_min_messages'), current_setting('giotto.session', true),
             (SELECT count(*) FROM pg_prepared_statements)",
        );
        assert_eq!(left, "0|0|notice||0");
    }
}

async fn what_fails_on_its_own_is_rolled_back(pooled: &Pooled) {
    pooled
        .server
        .sql("CREATE TABLE refusing (LIKE giotto_cache INCLUDING ALL, CHECK (key <> 'refused'))");
    let store = pooled.store().table("refusing").unwrap();
    for _ in 0..10 {
        let error = store.set("refused", "a".into(), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
        store.set("key", "value".into(), None).await.unwrap();
        assert_eq!(store.get("key").await.unwrap(), Some("value".into()));
    }
}
