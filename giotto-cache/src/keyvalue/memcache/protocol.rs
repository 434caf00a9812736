//! Memcached's text protocol: commands as bytes. `reply.rs` has the replies.
//!
//! Inside the last step of a lookup.
//! <https://github.com/memcached/memcached/blob/master/doc/protocol.txt>

use std::io::Write as _;

use bytes::Bytes;

use super::expiry::{HEADER, SERVER_AT_ONCE};
use crate::guard::breakers::Want;

/// The largest value that is sent or accepted. Memcached's own limit is 1 MiB, or its `-I`.
pub(super) const MAX_VALUE: usize = 128 << 20;

/// What is asked about one key.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Get,
    /// About several keys, given as one text with spaces between them, as it is sent.
    GetMany,
    Store {
        verb: Verb,
        exptime: i32,
        header: [u8; HEADER],
        value: Bytes,
    },
    Delete,
}

/// When a value is stored.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verb {
    Set,
    Add,
    /// If it is still the one that had this number.
    Swap(u64),
}

/// What replies to a command have to look like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Expected {
    Value,
    Values,
    Outcome,
}

impl Command {
    /// Appends to `bytes` what is sent before the value; the value, if there is one.
    pub(super) fn write(self, key: &str, bytes: &mut Vec<u8>) -> Option<Bytes> {
        let (verb, exptime, header, value) = match self {
            Self::Get | Self::GetMany => {
                write_line(bytes, format_args!("gets {key}"));
                return None;
            }
            Self::Delete => {
                write_line(bytes, format_args!("delete {key}"));
                return None;
            }
            Self::Store {
                verb,
                exptime,
                header,
                value,
            } => (verb, exptime, header, value),
        };
        let length = header.len() + value.len();
        match verb {
            Verb::Set => write_line(bytes, format_args!("set {key} 0 {exptime} {length}")),
            Verb::Add => write_line(bytes, format_args!("add {key} 0 {exptime} {length}")),
            Verb::Swap(unique) => {
                write_line(
                    bytes,
                    format_args!("cas {key} 0 {exptime} {length} {unique}"),
                );
            }
        }
        bytes.extend_from_slice(&header);
        Some(value)
    }

    pub(super) const fn want(&self) -> Want {
        match self {
            Self::Get | Self::GetMany => Want::Find,
            Self::Store { exptime, .. } if *exptime == SERVER_AT_ONCE => Want::Remove,
            Self::Store {
                verb: Verb::Swap(_),
                ..
            } => Want::Replace,
            Self::Store {
                verb: Verb::Add, ..
            } => Want::Add,
            Self::Store { .. } => Want::Store,
            Self::Delete => Want::Remove,
        }
    }

    /// How long the value is that is to be stored.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Store { value, .. } => value.len(),
            Self::Get | Self::GetMany | Self::Delete => 0,
        }
    }

    pub(super) const fn expected(&self) -> Expected {
        match self {
            Self::Get => Expected::Value,
            Self::GetMany => Expected::Values,
            Self::Store { .. } | Self::Delete => Expected::Outcome,
        }
    }
}

fn write_line(bytes: &mut Vec<u8>, line: std::fmt::Arguments<'_>) {
    write!(bytes, "{line}\r\n").expect("writing to a Vec cannot fail");
}
