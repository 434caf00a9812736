//! The ways to a server: host and port, URL, Unix socket, database, TLS.

use giotto_cache::{ErrorKind, KeyValue, RedisKeyValue, Result};
use test_servers::{Certificate, Redis, free_port};

use crate::{KEY, set, store_in};

#[tokio::test]
async fn a_unix_socket_a_database_and_a_url_lead_to_the_same_server() -> Result<()> {
    let server = Redis::start();
    let by_socket = RedisKeyValue::new().socket(server.socket()).db(1);
    set(&by_socket, KEY, "value").await?;
    assert_eq!(server.cli(&["-n", "1", "get", KEY]), "value\n");
    assert_eq!(server.cli(&["get", KEY]), "\n", "database 0 has nothing");

    let socket = server.socket().display().to_string();
    let port = server.port();
    for url in [
        format!("redis://127.0.0.1:{port}/1"),
        format!("redis+unix://{socket}?db=1"),
    ] {
        let store = RedisKeyValue::from_url(&url)?;
        assert_eq!(store.get(KEY).await?, Some("value".into()), "{url}");
    }
    let error = by_socket.db(99).get(KEY).await.unwrap_err();
    assert!(
        error.to_string().contains("DB index is out of range"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn an_address_means_the_same_in_code_and_in_a_url() -> Result<()> {
    let server = Redis::start();
    let (port, socket) = (server.port(), server.socket().display().to_string());
    set(&store_in(&server), KEY, "value").await?;
    let by_host = |host: String| RedisKeyValue::new().host(host);
    for store in [
        by_host(format!("127.0.0.1:{port}")),
        by_host("127.0.0.1".into()).port(port),
        RedisKeyValue::new().port(port).host("127.0.0.1"),
        by_host(socket.clone()),
        by_host(format!("unix:{socket}")),
        RedisKeyValue::from_url(&format!("redis://127.0.0.1:{port}"))?,
        RedisKeyValue::from_url(&format!("redis+unix://{socket}"))?,
    ] {
        assert_eq!(store.get(KEY).await?, Some("value".into()), "{store:?}");
    }
    for (host, expected) in [
        ("[::1]", "[::1]:6379"),
        ("::1", "[::1]:6379"),
        ("[::1]:7000", "[::1]:7000"),
    ] {
        let by_url = match host {
            "::1" => "[::1]",
            host => host,
        };
        let by_url = RedisKeyValue::from_url(&format!("redis://{by_url}"))?;
        for store in [by_host(host.into()), by_url] {
            assert!(format!("{store:?}").contains(expected), "{store:?}");
        }
    }
    Ok(())
}

#[test]
fn an_address_that_cannot_be_read_is_refused_without_its_password() {
    let new = RedisKeyValue::new;
    for (refused, told) in [
        (new().cluster(["a:7000", "a:port"]), "\"a:port\""),
        (new().sentinel("m", ["a:port"]), "\"a:port\""),
        (new().cluster(["redis://:s3cret@a"]), "host:port"),
        (new().sentinel("m", ["s3cret@a"]), "host:port"),
        (new().cluster([""; 0]), "at least one"),
        (new().sentinel("m", [""; 0]), "at least one"),
    ] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let error = error.to_string();
        assert!(error.contains(told) && !error.contains("s3cret"), "{error}");
    }
}

/// `SSL_CERT_FILE` is read by a process, so this test runs itself in one that has it.
#[tokio::test]
async fn tls_takes_a_certificate_that_the_system_trusts_and_no_other() {
    const CHILD: &str = "REDIS_TLS_PORT";
    if let Ok(port) = std::env::var(CHILD) {
        let store = RedisKeyValue::from_url(&format!("rediss://localhost:{port}")).unwrap();
        return set(&store, KEY, "value").await.unwrap();
    }
    let [certificate, other] = [Certificate::create(), Certificate::create()];
    let tls_port = free_port().to_string();
    let (file, private_key) = (certificate.file(), certificate.key());
    let server = Redis::start_with(&[
        "--tls-port",
        &tls_port,
        "--tls-cert-file",
        &file.display().to_string(),
        "--tls-key-file",
        &private_key.display().to_string(),
        "--tls-auth-clients",
        "no",
    ]);
    let trusting = |certificate: &Certificate| {
        let name = "address::tls_takes_a_certificate_that_the_system_trusts_and_no_other";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", name]).env(CHILD, &tls_port);
        child
            .env("SSL_CERT_FILE", certificate.file())
            .output()
            .unwrap()
    };
    let output = trusting(&other);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        !output.status.success() && told.contains("certificate"),
        "{told}"
    );
    assert_eq!(server.cli(&["get", KEY]), "\n");
    let output = trusting(&certificate);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(server.cli(&["get", KEY]), "value\n");
}
