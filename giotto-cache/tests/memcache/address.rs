//! The ways to a server, and what is configured.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use giotto_cache::{ErrorKind, KeyValue, MemcacheKeyValue, Place, Result};
use test_servers::Memcached;
use tokio::net::{TcpStream, UnixListener};

use crate::bytes;

/// A Unix socket that the server on `port` is behind: Memcached itself listens on a socket or on ports. It takes
/// one connection; a client that loses it gets no other.
pub(crate) fn socket_for_one_connection(folder: &Path, port: u16) -> PathBuf {
    let socket = folder.join("memcached.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        tokio::io::copy_bidirectional(&mut client, &mut server).await
    });
    socket
}

#[tokio::test]
async fn a_server_is_reached_by_name_over_ipv6_and_over_a_unix_socket() -> Result<()> {
    let server = Memcached::start();
    let port = server.process.port();
    let folder = tempfile::tempdir().unwrap();
    let socket = socket_for_one_connection(folder.path(), port);
    for url in [
        format!("memcache://localhost:{port}"),
        format!("memcache://[::1]:{port}"),
        format!("memcache://{}", socket.display()),
    ] {
        let store = MemcacheKeyValue::from_url(&url)?;
        if url.contains("::1") && !Memcached::has_ipv6() {
            // Not `eprintln!`, which the test harness keeps to itself.
            let told = "not verified, because ::1 cannot be bound on this machine";
            writeln!(std::io::stderr(), "{told}: {url}").unwrap();
            continue;
        }
        store.set(&url, bytes("value"), None).await?;
        assert_eq!(store.get(&url).await?, Some(bytes("value")), "{url}");
    }
    Ok(())
}

/// Also: no constructor needs a runtime or a server.
#[test]
fn what_is_configured_is_shown_and_what_is_wrong_is_named() {
    let store = MemcacheKeyValue::from_url("memcache://b:1,a;/run/c.sock").unwrap();
    let store = store.namespace("prod").unwrap();
    let expected =
        r#"MemcacheKeyValue { hosts: ["b:1", "a:11211", "/run/c.sock"], namespace: "prod:" }"#;
    assert_eq!(format!("{store:?}"), expected);
    assert_eq!(store.place(), Place::Shared);
    let moved = store.hosts(["::1"]).unwrap();
    let expected = r#"MemcacheKeyValue { hosts: ["[::1]:11211"], namespace: "prod:" }"#;
    assert_eq!(format!("{moved:?}"), expected);
    let default = r#"MemcacheKeyValue { hosts: ["localhost:11211"], namespace: "giotto:" }"#;
    assert_eq!(format!("{:?}", MemcacheKeyValue::default()), default);

    for (wrong, named) in [
        (MemcacheKeyValue::new().hosts(["a", "b:x"]), "b:x"),
        (MemcacheKeyValue::new().hosts(["a", "A:11211"]), "a:11211"),
        (MemcacheKeyValue::new().hosts([""; 0]), "at least one"),
        (MemcacheKeyValue::new().namespace("a b"), "a b"),
        (MemcacheKeyValue::new().namespace(&"a".repeat(101)), "100"),
        (MemcacheKeyValue::from_url("redis://a"), "memcache://"),
    ] {
        let error = wrong.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(named), "{error}");
    }
}
