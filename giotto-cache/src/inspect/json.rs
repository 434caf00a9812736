//! How what is known of an entry serialises.
//!
//! No step of a lookup: for reports to operators.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use serde::{Serialize, Serializer};

use crate::metadata::Metadata;

pub(crate) fn milliseconds<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    time.as_millis().serialize(to)
}

pub(crate) fn milliseconds_left<S: Serializer>(
    time: &Option<Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_millis()).serialize(to)
}

pub(crate) fn fraction<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    (time.as_secs_f64() * 1_000.0).serialize(to)
}

pub(crate) fn length<S: Serializer>(body: &Bytes, to: S) -> Result<S::Ok, S::Error> {
    body.len().serialize(to)
}

/// `{"status": 201, "fields": {"content-language": "de"}}`
pub(crate) fn metadata<S: Serializer>(metadata: &Metadata, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Shown<'m> {
        status: Option<u16>,
        fields: BTreeMap<&'m str, Cow<'m, str>>,
    }
    let fields = metadata.fields();
    let fields = fields.map(|(name, value)| (name, String::from_utf8_lossy(value)));
    let (status, fields) = (metadata.status(), fields.collect());
    Shown { status, fields }.serialize(to)
}

/// `[{"tag": "user:7", "state": "valid"}]`
pub(crate) fn tags<S: Serializer>(
    tags: &[(String, &'static str)],
    to: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Tag<'t> {
        tag: &'t str,
        state: &'t str,
    }
    to.collect_seq(tags.iter().map(|(tag, state)| Tag { tag, state }))
}

/// `[{"program": "price", "state": "valid"}]`
pub(crate) fn programs<S: Serializer>(
    programs: &[(String, &'static str)],
    to: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Program<'p> {
        program: &'p str,
        state: &'p str,
    }
    let programs = programs.iter();
    to.collect_seq(programs.map(|(program, state)| Program { program, state }))
}
