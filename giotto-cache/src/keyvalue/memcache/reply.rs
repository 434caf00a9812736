//! Memcached's text protocol: bytes as replies.
//!
//! Inside the last step of a lookup. Nothing that a server sends is trusted: a line has a maximum length, a value
//! names the key that was asked for, and whatever is not a reply to the command is an error, after which
//! nothing more is read from that connection.
//! <https://github.com/memcached/memcached/blob/master/doc/protocol.txt>

use std::collections::{HashMap, HashSet};
use std::io::{self, ErrorKind};

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use super::expiry::HEADER;
use super::protocol::{Expected, MAX_VALUE};
use crate::keyvalue::longest::Longest;

/// The longest line: one of a dump, which has a key of 250 bytes, each written as three, and some numbers.
const MAX_LINE: u64 = 2048;

/// The memory that is reserved for a value before its bytes arrive, whatever length the server claims.
const PREALLOCATED: usize = 1 << 20;

/// The bytes of a value that is too long that are read and dropped at a time.
const DROPPED: usize = 256 << 10;

/// The bytes of a reply that an error quotes.
const MAX_QUOTE: usize = 120;

/// What a server replied.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    Value(Option<Found>),
    /// Those that are there.
    Values(HashMap<String, Found>),
    /// Whether it did.
    Outcome(bool),
    /// The server could not, and says why; its connection is in good order.
    Refused(String),
}

/// A value and the number that changes whenever it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) value: Bytes,
    pub(super) unique: u64,
}

impl Reply {
    /// Reads the reply to a command about `key`; `line` is room for one line. Of a value that is longer than the
    /// `longest`, the beginning.
    pub(super) async fn read(
        reader: &mut (impl AsyncBufRead + Unpin),
        expected: Expected,
        key: &str,
        longest: &Longest,
        line: &mut Vec<u8>,
    ) -> io::Result<Self> {
        if expected == Expected::Values {
            let values = read_values(reader, key, longest, line).await;
            return values.map(Self::Values);
        }
        let text = read_line(reader, line).await?;
        match (expected, text) {
            (Expected::Value, b"END") => Ok(Self::Value(None)),
            (Expected::Value, _) => {
                let (length, unique) =
                    value_line(text, key, longest).ok_or_else(|| not_a_reply(text))?;
                let value = read_value(reader, length, longest.of(key), b"\r\nEND\r\n").await?;
                Ok(Self::Value(Some(Found { value, unique })))
            }
            (_, b"STORED" | b"DELETED") => Ok(Self::Outcome(true)),
            (_, b"NOT_STORED" | b"EXISTS" | b"NOT_FOUND") => Ok(Self::Outcome(false)),
            _ => match text.strip_prefix(b"SERVER_ERROR ") {
                Some(reason) => Ok(Self::Refused(quote(reason))),
                None => Err(not_a_reply(text)),
            },
        }
    }
}

/// Reads a line into `line`; what it says, without its end.
pub(super) async fn read_line<'l>(
    reader: &mut (impl AsyncBufRead + Unpin),
    line: &'l mut Vec<u8>,
) -> io::Result<&'l [u8]> {
    line.clear();
    let read = reader.take(MAX_LINE).read_until(b'\n', line).await?;
    if read == 0 {
        return Err(closed());
    }
    // The lines of a dump end in a line feed alone.
    let text = line.strip_suffix(b"\n").ok_or_else(|| not_a_reply(line))?;
    Ok(text.strip_suffix(b"\r").unwrap_or(text))
}

/// The error of a connection that the server closed.
pub(super) fn closed() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")
}

/// The error of a server that said `text` where it may not.
pub(super) fn not_a_reply(text: &[u8]) -> io::Error {
    let message = format!("{:?} is not a reply to this request", quote(text));
    io::Error::new(ErrorKind::InvalidData, message)
}

pub(super) fn quote(text: &[u8]) -> String {
    text[..text.len().min(MAX_QUOTE)].escape_ascii().to_string()
}

/// The length and the number of `VALUE <key> <flags> <length> <number>`, if it is a value of `key`. It may have any
/// length if no more of it is kept than the `longest`.
fn value_line(text: &[u8], key: &str, longest: &Longest) -> Option<(usize, u64)> {
    let text = std::str::from_utf8(text).ok()?;
    let rest = text.strip_prefix("VALUE ")?.strip_prefix(key)?;
    let mut numbers = rest.strip_prefix(' ')?.split(' ').map(number);
    let [_flags, length, unique] = [numbers.next()??, numbers.next()??, numbers.next()??];
    let length = usize::try_from(length).ok()?;
    let is_sound = numbers.next().is_none() && (length <= MAX_VALUE || longest.of(key).is_some());
    longest.tell(key, length.saturating_sub(HEADER));
    is_sound.then_some((length, unique))
}

/// Digits alone: `parse` takes a sign too.
pub(super) fn number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// The values of those of `keys` that are there, each once, in whatever order a server or a proxy sends them.
async fn read_values(
    reader: &mut (impl AsyncBufRead + Unpin),
    keys: &str,
    longest: &Longest,
    line: &mut Vec<u8>,
) -> io::Result<HashMap<String, Found>> {
    let mut asked: HashSet<_> = keys.split(' ').collect();
    let mut values = HashMap::new();
    loop {
        let text = read_line(reader, line).await?;
        if text == b"END" {
            return Ok(values);
        }
        let named = text.split(|byte| *byte == b' ').nth(1).map(str::from_utf8);
        let key = named.and_then(|key| asked.take(key.ok()?));
        let read = key.and_then(|key| Some((key, value_line(text, key, longest)?)));
        let (key, (length, unique)) = read.ok_or_else(|| not_a_reply(text))?;
        let value = read_value(reader, length, longest.of(key), b"\r\n").await?;
        values.insert(key.to_owned(), Found { value, unique });
    }
}

/// The next `length` bytes, which `end` must follow. Of more than `longest` bytes, one byte more than that is kept.
async fn read_value<const N: usize>(
    reader: &mut (impl AsyncBufRead + Unpin),
    length: usize,
    longest: Option<usize>,
    end: &[u8; N],
) -> io::Result<Bytes> {
    let most = longest.map(|longest| longest.saturating_add(HEADER + 1));
    let kept = most.map_or(length, |most| most.min(length));
    let mut value = Vec::with_capacity(kept.min(PREALLOCATED));
    let read = reader.take(kept as u64).read_to_end(&mut value).await?;
    if read < kept {
        return Err(closed());
    }
    drop_next(reader, length - kept).await?;
    let mut found = [0; N];
    reader.read_exact(&mut found).await?;
    match found == *end {
        true => Ok(value.into()),
        false => Err(not_a_reply(&found)),
    }
}

/// Reads the next `length` bytes and keeps none of them.
async fn drop_next(reader: &mut (impl AsyncBufRead + Unpin), mut length: usize) -> io::Result<()> {
    let mut dropped = vec![0; length.min(DROPPED)];
    while length > 0 {
        let most = length.min(DROPPED);
        match reader.read(&mut dropped[..most]).await? {
            0 => return Err(closed()),
            read => length -= read,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], expected: Expected) -> io::Result<Reply> {
        read_about("key", bytes, expected)
    }

    fn read_about(key: &str, bytes: &[u8], expected: Expected) -> io::Result<Reply> {
        read_no_longer(&Longest::default(), key, bytes, expected)
    }

    fn read_no_longer(
        longest: &Longest,
        key: &str,
        bytes: &[u8],
        expected: Expected,
    ) -> io::Result<Reply> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut line = Vec::new();
        let reply = runtime.block_on(Reply::read(
            &mut &bytes[..],
            expected,
            key,
            longest,
            &mut line,
        ));
        assert!(line.len() as u64 <= MAX_LINE);
        reply
    }

    /// Pieces of replies, so that what comes out is nearly one.
    fn nearly_a_reply() -> impl Strategy<Value = Vec<u8>> {
        let pieces = [
            "VALUE ",
            "key ",
            "ke",
            "0 ",
            "1 ",
            "5",
            " ",
            "-",
            "18446744073709551616",
            "\r\n",
            "\n",
            "END",
            "STORED",
            "NOT_FOUND",
            "SERVER_ERROR ",
            "value",
            "\0",
        ];
        let piece = prop_oneof![
            9 => proptest::sample::select(pieces.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
            1 => proptest::collection::vec(any::<u8>(), 0..8),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn the_beginning_of_a_value_that_is_too_long_is_kept_and_what_follows_is_read() {
        let longest = Longest::default();
        longest.limit(100);
        for (length, kept) in [(0, 0), (108, 108), (109, 109), (110, 109), (3 << 20, 109)] {
            let value = vec![b'v'; length];
            let item = |key| {
                let line = format!("VALUE {key} 0 {length} 7\r\n");
                [line.as_bytes(), &value, b"\r\n"].concat()
            };
            let end = b"END\r\n";
            let one = [&item("a"), &end[..]].concat();
            let two = [&item("a"), &item("b"), &end[..]].concat();
            let read = |bytes: &[u8], expected| read_no_longer(&longest, "a", bytes, expected);
            let Ok(Reply::Value(Some(found))) = read(&one, Expected::Value) else {
                panic!("{length} bytes were not read");
            };
            assert_eq!(found.value, vec![b'v'; kept]);
            let Ok(Reply::Values(found)) = read_no_longer(&longest, "a b", &two, Expected::Values)
            else {
                panic!("twice {length} bytes were not read");
            };
            assert!(["a", "b"].iter().all(|key| found[*key].value.len() == kept));
            assert!(read(&one[..one.len() - 1], Expected::Value).is_err());
        }
        let endless = format!("VALUE a 0 {} 7\r\nv", usize::MAX);
        assert!(read_no_longer(&longest, "a", endless.as_bytes(), Expected::Value).is_err());
    }

    proptest! {
        #[test]
        fn a_value_is_taken_only_as_it_was_sent(
            value in proptest::collection::vec(any::<u8>(), 0..64), unique: u64, cut in 0_usize..200,
        ) {
            let mut bytes = format!("VALUE key 0 {} {unique}\r\n", value.len()).into_bytes();
            bytes.extend_from_slice(&value);
            bytes.extend_from_slice(b"\r\nEND\r\n");
            let found = Found { value: value.into(), unique };
            prop_assert_eq!(read(&bytes, Expected::Value).unwrap(), Reply::Value(Some(found)));
            let truncated = &bytes[..cut.min(bytes.len() - 1)];
            prop_assert!(read(truncated, Expected::Value).is_err());
        }

        #[test]
        fn values_are_taken_in_any_order_and_only_as_they_were_sent(
            value in proptest::collection::vec(any::<u8>(), 0..64), swapped: bool, cut in 0_usize..200,
        ) {
            let item = |key: &str| {
                let line = format!("VALUE {key} 0 {} 7\r\n", value.len());
                [line.as_bytes(), &value, b"\r\n"].concat()
            };
            let mut items = [item("a"), item("c")];
            items[..].rotate_left(usize::from(swapped));
            let bytes = [&items.concat(), &b"END\r\n"[..]].concat();
            let Ok(Reply::Values(found)) = read_about("a b c", &bytes, Expected::Values) else {
                return Err(TestCaseError::fail("they were not taken"));
            };
            prop_assert_eq!(found.len(), 2);
            prop_assert!(["a", "c"].iter().all(|key| found[*key].value == value));
            let truncated = &bytes[..cut.min(bytes.len() - 1)];
            prop_assert!(read_about("a b c", truncated, Expected::Values).is_err());
            for other in ["b c", "a b", "a"] {
                prop_assert!(read_about(other, &bytes, Expected::Values).is_err());
            }
            let twice = [&item("a").repeat(2), &b"END\r\n"[..]].concat();
            prop_assert!(read_about("a b c", &twice, Expected::Values).is_err());
        }

        #[test]
        fn whatever_a_server_sends_is_an_error_or_a_reply_that_it_begins_with(bytes in nearly_a_reply()) {
            match read(&bytes, Expected::Value) {
                Ok(Reply::Value(Some(found))) => {
                    prop_assert!(bytes.starts_with(b"VALUE key "));
                    let end = [&found.value[..], b"\r\nEND\r\n"].concat();
                    prop_assert!(bytes.windows(end.len()).any(|window| window == end));
                }
                Ok(Reply::Value(None)) => prop_assert!(bytes.starts_with(b"END")),
                Ok(reply) => prop_assert!(false, "{reply:?}"),
                Err(_) => {}
            }
            match read(&bytes, Expected::Outcome) {
                Ok(Reply::Value(_) | Reply::Values(_)) => prop_assert!(false, "a value is no outcome"),
                Ok(Reply::Outcome(_) | Reply::Refused(_)) => {
                    prop_assert!(b"SND".contains(&bytes[0]) && bytes.contains(&b'\n'));
                }
                Err(_) => {}
            }
            match read(&bytes, Expected::Values) {
                Ok(Reply::Values(found)) if found.is_empty() => prop_assert!(bytes.starts_with(b"END")),
                Ok(Reply::Values(found)) => {
                    prop_assert!(found.keys().eq(["key"]) && bytes.starts_with(b"VALUE key "));
                }
                Ok(reply) => prop_assert!(false, "{reply:?}"),
                Err(_) => {}
            }
        }
    }
}
