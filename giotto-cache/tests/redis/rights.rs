//! Users, passwords and the rights that a user needs.

use bytes::Bytes;
use giotto_cache::{KeyValue, RedisKeyValue, Result};
use test_servers::{Redis, RedisCluster};

use crate::cluster::move_slot_of;
use crate::fake_server::fake_server;
use crate::{KEY, PATIENCE, set, store_in};

#[tokio::test]
async fn a_password_is_asked_for_and_never_shown() -> Result<()> {
    let server = Redis::start_with(&["--requirepass", "s3cret"]);
    assert!(
        server
            .cli(&[
                "-a",
                "s3cret",
                "acl",
                "setuser",
                "ann",
                "on",
                ">hunter2",
                "~*",
                "+getrange",
                "+exists"
            ])
            .contains("OK")
    );
    let store = store_in(&server);
    assert_eq!(store.clone().password("s3cret").get(KEY).await?, None);
    assert_eq!(
        store
            .clone()
            .user("ann")
            .password("hunter2")
            .get(KEY)
            .await?,
        None
    );

    let wrong = store.clone().user("ann").password("wr0ng");
    let table = [
        (store.get(KEY).await, "NOAUTH", "set the password"),
        (wrong.get(KEY).await, "WRONGPASS", "check user and password"),
    ];
    for (reply, code, remedy) in table {
        let error = reply.unwrap_err().to_string();
        let place = format!("127.0.0.1:{}", server.port());
        for part in [code, remedy, &place] {
            assert!(error.contains(part), "{error}");
        }
        assert!(!error.contains("wr0ng"), "{error}");
    }
    let forbidden = store.clone().user("ann").password("hunter2");
    let error = set(&forbidden, KEY, "value").await.unwrap_err().to_string();
    assert!(
        error.contains("NOPERM") && error.contains("let the user run"),
        "{error}"
    );
    assert!(
        !format!("{wrong:?} {wrong:#?}").contains("wr0ng"),
        "{wrong:?}"
    );
    assert!(format!("{wrong:?}").contains("127.0.0.1"), "{wrong:?}");
    Ok(())
}

/// `GIOTTO_CACHE_PASSWORD=` is such a password.
#[tokio::test]
async fn an_empty_user_or_password_is_none() -> Result<()> {
    let server = Redis::start();
    let store = store_in(&server);
    for store in [
        store.clone().password(""),
        store.clone().user("").password(""),
        RedisKeyValue::from_url(&format!("redis://:@127.0.0.1:{}", server.port()))?,
    ] {
        set(&store, KEY, "value").await?;
    }
    server.cli(&["acl", "setuser", "ann", "on", "nopass", "~*", "+@all"]);
    for ann in [store.clone().user("ann"), store.user("ann").password("")] {
        assert_eq!(ann.get(KEY).await?, Some("value".into()));
    }
    let stats = server.cli(&["info", "commandstats"]);
    assert!(stats.contains("cmdstat_auth:calls=2,"), "{stats}");
    Ok(())
}

/// Every command that there is for.
async fn every_call(store: &RedisKeyValue) -> Result<()> {
    set(store, KEY, "GIOTTO").await?;
    store.get(KEY).await?;
    store.get_many(&[KEY, "absent"]).await?;
    store.add(KEY, "value".into(), None).await?;
    store.delete(KEY).await?;
    set(store, KEY, "GIOTTO").await?;
    store
        .replace(KEY, b"GIOTTO", Some("GIOTTO2".into()), None)
        .await?;
    store.measure().await?;
    store.clear().await
}

fn allow(server: &Redis, rights: &[&str]) {
    let user = ["acl", "setuser", "ann", "reset", "on", ">hunter2", "~*"];
    let rights: Vec<_> = rights.iter().map(|right| format!("+{right}")).collect();
    let rights = rights.iter().map(String::as_str);
    let reply = server.cli(&user.into_iter().chain(rights).collect::<Vec<_>>());
    assert_eq!(reply, "OK\n");
}

/// What an error about a right names is enough, and nothing of it can be left out but PING: being refused it is a
/// reply too, which stands in the server's ACL LOG.
#[tokio::test]
async fn a_user_needs_the_rights_that_the_error_names_and_no_others() -> Result<()> {
    let named = [
        "get", "getrange", "exists", "set", "eval", "unlink", "scan", "select", "dbsize", "info",
        "ping",
    ];
    let last = named.len() - 1;
    let server = Redis::start();
    let ann = |store: RedisKeyValue| store.user("ann").password("hunter2");
    let store = || ann(store_in(&server)).db(1);
    allow(&server, &named);
    every_call(&store()).await?;
    allow(&server, &named[..last]);
    every_call(&store()).await?;
    for right in &named[..last] {
        let others: Vec<_> = named.into_iter().filter(|named| named != right).collect();
        allow(&server, &others);
        let error = every_call(&store()).await.unwrap_err().to_string();
        assert!(
            error.contains("let the user run") && error.contains(&right.to_uppercase()),
            "{right}: {error}"
        );
    }

    let cluster = RedisCluster::start(0, PATIENCE);
    let store = || -> Result<_> {
        let store = RedisKeyValue::new().cluster(cluster.addresses())?;
        Ok(ann(store.server_deadline(PATIENCE)))
    };
    let in_cluster = ["cluster|slots", "asking"];
    let is_needed = |right: &&str| !["select", "ping"].contains(right);
    let all = named.into_iter().filter(is_needed).chain(in_cluster);
    let all: Vec<_> = all.collect();
    let allow_all = |rights: &[&str]| cluster.nodes.iter().for_each(|node| allow(node, rights));
    allow_all(&all);
    every_call(&store()?).await?;
    move_slot_of(&cluster, KEY);
    assert!(store()?.add(KEY, "value".into(), None).await?);
    for right in in_cluster {
        let others: Vec<_> = all
            .iter()
            .copied()
            .filter(|other| *other != right)
            .collect();
        allow_all(&others);
        let add = store()?.add(KEY, "value".into(), None).await;
        let error = add.unwrap_err().to_string();
        assert!(
            error.contains("NOPERM") && error.contains(&right.to_uppercase()),
            "{right}: {error}"
        );
    }
    Ok(())
}

/// A server says otherwise of a script that a user may not run a command.
#[tokio::test]
async fn a_script_that_may_not_run_a_command_names_the_rights_too() -> Result<()> {
    let server = Redis::start();
    let ann = store_in(&server).user("ann").password("hunter2");
    set(&store_in(&server), KEY, "value").await?;
    for (rights, new) in [
        (["get", "eval", "set"], None),
        (["get", "eval", "unlink"], Some("new")),
    ] {
        allow(&server, &rights);
        let replace = ann.replace(KEY, b"value", new.map(Bytes::from), None).await;
        let error = replace.unwrap_err().to_string();
        assert!(error.contains("let the user run"), "{error}");
        assert_eq!(server.cli(&["get", KEY]), "value\n", "nothing was done");
    }
    Ok(())
}

#[tokio::test]
async fn a_password_that_the_server_repeats_is_not_shown() {
    // What a server that does not know AUTH answers.
    let port = fake_server(|_| {
        Some(b"-ERR unknown command 'AUTH', with args beginning with: 's3cret'\r\n".into())
    });
    let store = RedisKeyValue::new()
        .host("127.0.0.1")
        .port(port)
        .password("s3cret");
    let error = store.get(KEY).await.unwrap_err().to_string();
    assert!(
        error.contains("unknown command") && !error.contains("s3cret"),
        "{error}"
    );
}
