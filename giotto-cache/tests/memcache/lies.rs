//! Servers that lie: whatever comes is an error or a miss, and nothing of it is taken for another reply.

use std::sync::{Arc, Mutex};

use giotto_cache::{ErrorKind, KeyValue, MemcacheKeyValue, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::bytes;

/// What a value of `giotto:key` looks like: it never expires and is `ok`.
const HONEST: &[u8] = b"VALUE giotto:key 0 10 1\r\n\xff\xff\xff\xff\xff\xff\xff\xffok\r\nEND\r\n";

/// What a liar was told, with `CONNECTED` where a connection begins.
type Told = Arc<Mutex<String>>;

const CONNECTED: &str = "connected\r\n";

fn connections(told: &Told) -> usize {
    told.lock().unwrap().matches(CONNECTED).count()
}

/// A server that sends the next of `replies` for each command, a connection after the other; it closes one for an
/// empty reply.
async fn liar(replies: Vec<Vec<u8>>) -> (MemcacheKeyValue, Told) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let (mut replies, told) = (replies.into_iter(), Told::default());
    let log = Arc::clone(&told);
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            log.lock().unwrap().push_str(CONNECTED);
            let mut connection = BufReader::new(connection);
            let mut command = String::new();
            while connection
                .read_line(&mut command)
                .await
                .is_ok_and(|read| read > 0)
            {
                let command = std::mem::take(&mut command);
                log.lock().unwrap().push_str(&command);
                if let Some(swap) = command.strip_prefix("cas ") {
                    let length: usize = swap.split(' ').nth(3).unwrap().parse().unwrap();
                    let mut value = vec![0; length + b"\r\n".len()];
                    connection.read_exact(&mut value).await.unwrap();
                }
                let Some(reply) = replies.next() else { return };
                if reply.is_empty() || connection.write_all(&reply).await.is_err() {
                    break;
                }
            }
        }
    });
    (MemcacheKeyValue::new().hosts([host]).unwrap(), told)
}

#[tokio::test]
async fn a_false_reply_to_a_get_is_an_error_and_the_end_of_its_connection() -> Result<()> {
    let honest = || HONEST.to_vec();
    let replace = |from: &str, to: &str| {
        String::from_utf8_lossy(HONEST)
            .replace(from, to)
            .into_bytes()
    };
    let lies: Vec<Vec<u8>> = vec![
        b"\x00\xff\xfe\r\n".to_vec(),
        b"HTTP/1.1 400 Bad Request\r\n".to_vec(),
        b"\r\n".to_vec(),
        b"ERROR\r\n".to_vec(),
        b"CLIENT_ERROR unauthenticated\r\n".to_vec(),
        b"SERVER_ERROR out of memory\r\n".to_vec(),
        b"STORED\r\n".to_vec(),
        b"VALUE\r\n".to_vec(),
        b"VALUE giotto:key 0 2\r\nok\r\nEND\r\n".to_vec(),
        replace("giotto:key", "giotto:kez"),
        replace("giotto:key", "giotto:key2"),
        replace("giotto:key", "giotto:ke"),
        replace(" 10 ", " 9 "),
        replace(" 10 ", " 5 "),
        replace(" 10 ", " -1 "),
        replace(" 10 ", " +10 "),
        replace(" 10 ", "  10 "),
        replace(" 10 ", " 1e1 "),
        replace(" 10 ", " 999999999999 "),
        replace(" 10 ", " 18446744073709551615 "),
        replace(" 10 ", " 99999999999999999999 "),
        replace(" 10 1", " 10 x"),
        replace(" 10 1", " 10 1 1"),
        replace("END", "ENDE"),
        replace("ok\r\nEND", "ok\r\nVALUE giotto:other 0 2 1\r\nno\r\nEND"),
        [b"VALUE ".repeat(10_000), b"\r\n".to_vec()].concat(),
        // Nothing: the connection is closed.
        Vec::new(),
    ];
    let number = lies.len();
    let replies = lies
        .iter()
        .flat_map(|lie| [honest(), lie.clone(), honest()]);
    let (store, told) = liar(replies.collect()).await;
    for lie in lies {
        let shown = lie[..lie.len().min(60)].escape_ascii();
        assert_eq!(store.get("key").await?, Some(bytes("ok")));
        let error = store.get("key").await.expect_err(&shown.to_string());
        assert_eq!(error.kind(), ErrorKind::Backend);
        assert!(error.to_string().len() < 1000, "{error}");
        assert_eq!(store.get("key").await?, Some(bytes("ok")), "after {shown}");
    }
    assert_eq!(connections(&told), number + 1);
    Ok(())
}

#[tokio::test]
async fn a_false_reply_to_many_gets_is_an_error_and_the_end_of_its_connection() -> Result<()> {
    let item = |key: &str| {
        let line = format!("VALUE giotto:{key} 0 10 1\r\n");
        [line.as_bytes(), &[u8::MAX; 8], b"ok\r\n"].concat()
    };
    let honest = [&item("key")[..], b"END\r\n"].concat();
    let lies: Vec<Vec<u8>> = vec![
        b"STORED\r\n".to_vec(),
        b"SERVER_ERROR out of memory\r\n".to_vec(),
        b"VALUE\r\n".to_vec(),
        b"VALUE \xff 0 1 1\r\na\r\nEND\r\n".to_vec(),
        [&item("key2")[..], b"END\r\n"].concat(),
        [&item("key other")[..], b"END\r\n"].concat(),
        [item("key"), item("key"), b"END\r\n".to_vec()].concat(),
        [item("key"), item("other"), item("key"), b"END\r\n".to_vec()].concat(),
        [&item("key")[..], b"END of it\r\n"].concat(),
        Vec::new(),
    ];
    let replies = lies.iter().flat_map(|lie| [honest.clone(), lie.clone()]);
    let (store, told) = liar(replies.collect()).await;
    let many = || async { store.get_many(&["other", "key", "key"]).await };
    for lie in &lies {
        let ok = Some(bytes("ok"));
        assert_eq!(many().await?, [None, ok.clone(), ok]);
        let shown = lie.escape_ascii().to_string();
        let error = many().await.expect_err(&shown);
        assert_eq!(error.kind(), ErrorKind::Backend);
    }
    assert_eq!(connections(&told), lies.len());
    let told = told.lock().unwrap();
    let asked = told
        .lines()
        .filter(|line| *line == "gets giotto:key giotto:other");
    assert_eq!(asked.count(), 2 * lies.len(), "{told}");
    Ok(())
}

/// Between the look and the swap it is stored again with the same bytes, and then by another client.
#[tokio::test]
async fn a_replace_that_comes_too_late_looks_again() -> Result<()> {
    let found = |unique: &str, value: &str| {
        let line = format!("VALUE giotto:key 0 {} {unique}\r\n", 8 + value.len());
        [
            line.as_bytes(),
            &[u8::MAX; 8],
            value.as_bytes(),
            b"\r\nEND\r\n",
        ]
        .concat()
    };
    let exists = || b"EXISTS\r\n".to_vec();
    for (last, replaced) in [("STORED\r\n", true), ("NOT_FOUND\r\n", false)] {
        let replies = [
            found("7", "old"),
            exists(),
            found("8", "old"),
            last.into(),
            found("9", "new"),
        ];
        let (store, told) = liar(replies.into()).await;
        assert_eq!(store.replace("key", b"old", None, None).await?, replaced);
        let told = told.lock().unwrap();
        for swap in ["cas giotto:key 0 -1 8 7\r\n", "cas giotto:key 0 -1 8 8\r\n"] {
            assert!(told.contains(swap), "{told}");
        }
    }
    Ok(())
}

/// The second reply is there before its command: it must not be taken for the one to the next command.
#[tokio::test]
async fn a_reply_that_nobody_asked_for_ends_the_connection() {
    let (store, told) = liar(vec![HONEST.repeat(2), b"END\r\n".to_vec()]).await;
    assert_eq!(store.get("key").await.unwrap(), Some(bytes("ok")));
    while let Err(error) = store.get("other").await {
        assert_eq!(error.kind(), ErrorKind::Backend);
    }
    assert_eq!(connections(&told), 2);
}

#[tokio::test]
async fn a_false_reply_to_a_set_or_a_delete_is_an_error() {
    for lie in [
        "END\r\n",
        "OK\r\n",
        "VALUE a 0 1 1\r\na\r\nEND\r\n",
        "ERROR\r\n",
        "STORED",
        "-1",
    ] {
        let (store, _) = liar(vec![lie.into(), Vec::new(), lie.into(), Vec::new()]).await;
        let error = store.set("key", bytes(""), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Backend, "{lie:?}");
        let (store, _) = liar(vec![b"END\r\n".to_vec(), lie.into(), Vec::new()]).await;
        assert!(store.delete("key").await.is_err(), "{lie:?}");
    }
}

/// An old server has no dump of its hash table; a lying one lists what would be a command.
#[tokio::test]
async fn clear_deletes_the_keys_of_the_namespace_that_are_keys() -> Result<()> {
    let dump = "key=giotto%3Aa exp=-1 la=0\nkey=giotto%3Ab%0D%0Aflush_all exp=-1\nkey=giotto%3A%20 exp=-1\n\
                key=other%3Agiotto%3Ac exp=-1\nkey=giotto%3A%2520 exp=-1\nEND\r\n";
    let refusal = "BADCLASS invalid class id\r\n";
    let replies = [refusal, dump, "DELETED\r\n", "NOT_FOUND\r\n"];
    let (store, told) = liar(replies.map(Into::into).into()).await;
    store.clear().await?;
    let expected = "connected\r\nlru_crawler metadump hash\r\n\
                    connected\r\nlru_crawler metadump all\r\n\
                    connected\r\ndelete giotto:a\r\ndelete giotto:%20\r\n";
    assert_eq!(*told.lock().unwrap(), expected);
    Ok(())
}

#[tokio::test]
async fn clear_of_a_server_that_stops_half_way_is_an_error() {
    for dump in [
        "key=giotto%3Aa exp=-1\n",
        "key=",
        "ERROR\r\n",
        "",
        "VALUE a 0 1\r\na\r\nEND\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let mut connection = BufReader::new(connection);
                connection.read_line(&mut String::new()).await.unwrap();
                connection.write_all(dump.as_bytes()).await.unwrap();
            }
        });
        let store = MemcacheKeyValue::new().hosts([host]).unwrap();
        assert!(store.clear().await.is_err(), "{dump:?}");
    }
}

/// A server that goes on for ever is cut off when its line is too long, or its value longer than it said.
#[tokio::test]
async fn a_server_that_never_stops_is_cut_off() {
    for endless in [
        &b"VALUE "[..],
        b"VALUE giotto:key 0 18446744073709551615 1\r\n",
        b"END\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let store = MemcacheKeyValue::new().hosts([host]).unwrap();
        let sent = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            pour(&mut connection, endless).await
        });
        let got = store.get("key").await;
        assert!(!matches!(got, Ok(Some(_))), "{got:?}");
        let sent = sent.await.unwrap();
        assert!(sent < 64 << 20, "{sent} bytes were sent");
    }
}

/// Sends `text` again and again; how many bytes went out until the other end closed.
async fn pour(connection: &mut TcpStream, text: &[u8]) -> usize {
    let text = text.repeat(1000);
    let mut sent = 0;
    while connection.write_all(&text).await.is_ok() {
        sent += text.len();
    }
    sent
}
