//! The keys of one namespace on a server, as the server's dump lists them: what `clear` removes.
//!
//! No step of a lookup. It has its own connection, because a dump can take long.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::time::{sleep, timeout};

use super::dial::{Reader, connect};
use super::key;
use super::reply::{quote, read_line};
use crate::keyvalue::address::Address;
use crate::keyvalue::percent::decoded;

/// How long a server may be silent in the middle of a dump.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a dump is requested: a server makes one at a time, and answers `BUSY` to other requests.
const ATTEMPTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(100);

/// The hash table misses nothing; an older server lists its queues only, between which an item may just move.
const DUMPS: [&[u8]; 2] = [
    b"lru_crawler metadump hash\r\n",
    b"lru_crawler metadump all\r\n",
];

/// The keys at `address` that are `wanted`, no more than `limit`.
pub(super) async fn keys(
    address: &Address,
    wanted: impl Fn(&str) -> bool,
    limit: usize,
) -> io::Result<Vec<String>> {
    let mut refusal = String::new();
    for dump in DUMPS {
        for _ in 0..ATTEMPTS {
            match list(address, dump, &wanted, limit).await? {
                Dump::Keys(keys) => return Ok(keys),
                Dump::Refused(reason) => refusal = reason,
            }
            if !refusal.starts_with("BUSY") {
                break;
            }
            sleep(PAUSE).await;
        }
    }
    let message = format!(
        "it does not list its keys, which clear needs ({refusal:?}): start it with its LRU crawler enabled, or restart \
         it to empty it"
    );
    Err(io::Error::other(message))
}

enum Dump {
    Keys(Vec<String>),
    Refused(String),
}

async fn list(
    address: &Address,
    dump: &[u8],
    wanted: impl Fn(&str) -> bool,
    limit: usize,
) -> io::Result<Dump> {
    let (read, mut write) = connect(address).await?;
    write.write_all(dump).await?;
    let (mut reader, mut line, mut keys) = (BufReader::new(read), Vec::new(), Vec::new());
    while keys.len() < limit {
        let text = next_line(&mut reader, &mut line).await?;
        if text == b"END" {
            break;
        }
        let Some(entry) = text.strip_prefix(b"key=") else {
            return Ok(Dump::Refused(quote(text)));
        };
        keys.extend(decode(entry).filter(|key| wanted(key)));
    }
    Ok(Dump::Keys(keys))
}

async fn next_line<'l>(
    reader: &mut BufReader<Reader>,
    line: &'l mut Vec<u8>,
) -> io::Result<&'l [u8]> {
    let silent = |_| io::Error::new(io::ErrorKind::TimedOut, "its list of keys stopped half-way");
    timeout(PATIENCE, read_line(reader, line))
        .await
        .map_err(silent)?
}

/// The key of `prod%3Aa exp=-1 la=0`; `None` of one that may not be sent back.
fn decode(entry: &[u8]) -> Option<String> {
    let encoded = entry.split(|byte| *byte == b' ').next()?;
    decoded(encoded).filter(|key| key::is_sound(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_decoded_and_one_that_would_be_a_command_is_not() {
        for (entry, expected) in [
            (&b"prod%3A100%2525 exp=-1 la=1"[..], Some("prod:100%25")),
            (b"a", Some("a")),
            (b"prod%3Aa%0D%0Aflush_all exp=-1", None),
            (b"prod%3Aa%20b exp=-1", None),
            (b"%ff exp=-1", None),
            (b"a%", None),
            (b"a%2", None),
            (b"a%zz", None),
            (b"", None),
        ] {
            assert_eq!(decode(entry).as_deref(), expected);
        }
        assert_eq!(decode(&[b'a'; 251]), None);
    }
}
