//! The items of a server, as its dump lists them: what `clear` removes and `scan` tells of.
//!
//! No step of a lookup. It has its own connection, because a dump can take long.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::time::{sleep, timeout};

use super::dial::{Reader, connect};
use super::key;
use super::reply::{number, quote, read_line};
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

/// An item on a server, as its dump tells of it.
#[derive(Debug, PartialEq)]
pub(super) struct Item {
    pub(super) key: String,
    /// In seconds since 1970; `None` = never.
    pub(super) expires: Option<u64>,
    /// All that belongs to it included.
    pub(super) size: Option<u64>,
}

/// The keys at `address` that are `wanted`, no more than `limit`.
pub(super) async fn keys(
    address: &Address,
    wanted: impl Fn(&str) -> bool,
    limit: usize,
) -> io::Result<Vec<String>> {
    let mut keys = Vec::new();
    let begin = |keys: &mut Vec<String>| keys.clear();
    let take = |keys: &mut Vec<String>, item: Item| {
        keys.extend(Some(item.key).filter(|key| wanted(key)));
        keys.len() < limit
    };
    walk(address, &mut keys, begin, take).await?;
    Ok(keys)
}

/// Shows all items at `address` to `take` until it has enough. If the server refuses, the walk is begun again.
pub(super) async fn walk<T>(
    address: &Address,
    taken: &mut T,
    begin: impl Fn(&mut T),
    take: impl Fn(&mut T, Item) -> bool,
) -> io::Result<()> {
    let mut refusal = String::new();
    for dump in DUMPS {
        for _ in 0..ATTEMPTS {
            begin(taken);
            match list(address, dump, |item| take(taken, item)).await? {
                None => return Ok(()),
                Some(reason) => refusal = reason,
            }
            if !refusal.starts_with("BUSY") {
                break;
            }
            sleep(PAUSE).await;
        }
    }
    let message = format!(
        "it does not list its keys, which clear and list need ({refusal:?}): start it with its LRU crawler enabled, or \
         restart it to empty it"
    );
    Err(io::Error::other(message))
}

/// Shows the items of one dump to `take`; the reason if the server refuses it.
async fn list(
    address: &Address,
    dump: &[u8],
    mut take: impl FnMut(Item) -> bool,
) -> io::Result<Option<String>> {
    let (read, mut write) = connect(address).await?;
    write.write_all(dump).await?;
    let (mut reader, mut line) = (BufReader::new(read), Vec::new());
    loop {
        let text = next_line(&mut reader, &mut line).await?;
        if text == b"END" {
            return Ok(None);
        }
        let Some(entry) = text.strip_prefix(b"key=") else {
            return Ok(Some(quote(text)));
        };
        if let Some(item) = decode(entry)
            && !take(item)
        {
            return Ok(None);
        }
    }
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

/// The item of `prod%3Aa exp=-1 la=0 size=64`; `None` of one whose key may not be sent back.
fn decode(entry: &[u8]) -> Option<Item> {
    let mut fields = entry.split(|byte| *byte == b' ');
    let key = decoded(fields.next()?).filter(|key| key::is_sound(key.as_bytes()))?;
    let mut item = Item {
        key,
        expires: None,
        size: None,
    };
    for field in fields {
        let figure = |digits| std::str::from_utf8(digits).ok().and_then(number);
        if let Some(seconds) = field.strip_prefix(b"exp=") {
            item.expires = figure(seconds);
        } else if let Some(bytes) = field.strip_prefix(b"size=") {
            item.size = figure(bytes);
        }
    }
    Some(item)
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
            let decoded = decode(entry).map(|item| item.key);
            assert_eq!(decoded.as_deref(), expected);
        }
        assert_eq!(decode(&[b'a'; 251]), None);
    }

    #[test]
    fn what_is_no_figure_is_not_known() {
        for (fields, expires, size) in [
            (
                " exp=-1 la=1 cas=2 fetch=no cls=1 size=64 flags=0",
                None,
                Some(64),
            ),
            (" exp=1795000000 size=1", Some(1_795_000_000), Some(1)),
            (" exp=+1 size=-1", None, None),
            (" exp= size=18446744073709551616", None, None),
            (" =  exp", None, None),
        ] {
            let item = decode(format!("a{fields}").as_bytes()).unwrap();
            assert_eq!((item.expires, item.size), (expires, size), "{fields}");
        }
    }
}
