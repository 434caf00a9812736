//! The slots of a Redis Cluster: which one a key is in, and which master has it.
//!
//! Before a request goes out: <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use redis::Value;
use tokio::task::JoinSet;

use super::connection::{Connection, within};
use super::failure::{Cure, Failure};
use super::request::Request;
use super::wire::CONNECT;
use crate::keyvalue::address::Address;
use crate::keyvalue::redis::settings::Login;

const SLOTS: u16 = 16_384;

/// Which master has which slots. Cloning it shares it.
#[derive(Clone, Default)]
pub(super) struct Slots(Arc<[(RangeInclusive<i64>, Address)]>);

impl Slots {
    pub(super) fn master_of(&self, slot: u16) -> Option<Address> {
        let mut ranges = self.0.iter();
        let (_, master) = ranges.find(|(range, _)| range.contains(&i64::from(slot)))?;
        Some(master.clone())
    }

    pub(super) fn masters(&self) -> HashSet<Address> {
        self.0.iter().map(|(_, master)| master.clone()).collect()
    }

    /// The reply of `CLUSTER SLOTS`, in which a node that does not know its own host leaves it out.
    fn parse(reply: &Value, asked: &Address) -> Option<Self> {
        let Value::Array(rows) = reply else {
            return None;
        };
        let read = |row: &Value| {
            let Value::Array(row) = row else {
                return None;
            };
            let [
                Value::Int(first),
                Value::Int(last),
                Value::Array(master),
                ..,
            ] = row.as_slice()
            else {
                return None;
            };
            let [host, Value::Int(port), ..] = master.as_slice() else {
                return None;
            };
            let host = match host {
                Value::BulkString(host) if host != b"?" => str::from_utf8(host).ok()?,
                _ => "",
            };
            Some((
                *first..=*last,
                asked.neighbour(host, u16::try_from(*port).ok()?),
            ))
        };
        let slots = rows.iter().map(read).collect::<Option<_>>()?;
        Some(Self(slots))
    }
}

/// The slots as one of `nodes` knows them. All are asked at the same time, so that a node that hangs delays no caller.
pub(super) async fn read(nodes: Vec<Address>, login: Arc<Login>) -> Result<Slots, Failure> {
    let nowhere = Address::tcp("", 0);
    let mut failure = Failure::new("no node of a cluster is configured", &nowhere, Cure::Later);
    let mut readings = JoinSet::new();
    for node in nodes {
        let login = Arc::clone(&login);
        readings.spawn(async move { within(CONNECT, &node, read_from(&node, &login)).await });
    }
    while let Some(read) = readings.join_next().await {
        match read {
            Ok(Ok(slots)) => return Ok(slots),
            Ok(Err(error)) => failure = error,
            Err(panic) => failure = Failure::new(&panic.to_string(), &nowhere, Cure::Later),
        }
    }
    Err(failure)
}

async fn read_from(node: &Address, login: &Login) -> Result<Slots, Failure> {
    let connection = Connection::open(node, login).await?;
    let question = redis::cmd("CLUSTER").arg("SLOTS").take();
    let reply = connection.ask(&Request::Once(question)).await?;
    let slots = Slots::parse(&reply, node).filter(|slots| !slots.0.is_empty());
    slots.ok_or_else(|| {
        let what = "it has no slots of a cluster: create one with `redis-cli --cluster create`";
        Failure::new(what, node, Cure::Later)
    })
}

/// The slot of `key`: a checksum of what stands in its first braces, if anything does, else of all of it.
pub(super) fn slot(key: &[u8]) -> u16 {
    let position = |bytes: &[u8], brace| bytes.iter().position(|byte| *byte == brace);
    let tag = position(key, b'{').and_then(|open| {
        let rest = &key[open + 1..];
        position(rest, b'}').map(|close| &rest[..close])
    });
    crc16(tag.filter(|tag| !tag.is_empty()).unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        let shift = |crc: u16, _| (crc << 1) ^ (if crc & 0x8000 == 0 { 0 } else { 0x1021 });
        (0..8).fold(crc ^ (u16::from(*byte) << 8), shift)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_in_the_slot_of_what_stands_in_its_first_braces() {
        // From the specification, and from `redis-cli cluster keyslot`.
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(slot(b"{user1000}.following"), slot(b"user1000"));
        assert_eq!(slot(b"foo{bar}{zap}"), slot(b"bar"));
        assert_eq!(slot(b"foo{{bar}}zap"), slot(b"{bar"));
        for whole in ["foo{}{bar}", "{}(home)(text/html)", "foo{bar"] {
            assert_eq!(
                slot(whole.as_bytes()),
                crc16(whole.as_bytes()) % SLOTS,
                "{whole}"
            );
        }
        assert_eq!(
            slot(b"{'x': 12}(squared)(text/html)"),
            slot(b"prod:{'x': 12}(cubed)(text/html)")
        );
    }

    #[test]
    fn a_reply_that_is_no_table_of_slots_is_refused() {
        let asked = Address::tcp("10.0.0.1", 7000);
        let node =
            |host: &str, port| Value::Array(vec![Value::BulkString(host.into()), Value::Int(port)]);
        let row = |row: Vec<Value>| Value::Array(vec![Value::Array(row)]);
        let range = |master| row(vec![Value::Int(0), Value::Int(100), master]);

        let slots = Slots::parse(&range(node("10.0.0.2", 7001)), &asked).unwrap();
        assert_eq!(slots.master_of(100), Some(Address::tcp("10.0.0.2", 7001)));
        assert_eq!(slots.master_of(101), None);
        for own in ["", "?"] {
            let slots = Slots::parse(&range(node(own, 7001)), &asked).unwrap();
            assert_eq!(slots.master_of(0), Some(Address::tcp("10.0.0.1", 7001)));
        }
        for odd in [
            Value::Nil,
            Value::Array(vec![Value::Okay]),
            row(vec![]),
            row(vec![Value::Int(0), Value::Int(1)]),
            range(Value::Nil),
            range(Value::Array(vec![])),
            range(node("h", -1)),
            range(node("h", 65_536)),
        ] {
            assert!(Slots::parse(&odd, &asked).is_none(), "{odd:?}");
        }
    }
}
