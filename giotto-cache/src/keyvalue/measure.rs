//! What a store holds, as it tells an operator.
//!
//! No step of a lookup; for management.

/// What a store holds at one moment, as far as it can tell; see [`KeyValue::measure`](crate::KeyValue::measure).
///
/// A figure that is `None` is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Measure {
    /// What the figures are of, for example `the whole server`: seldom of one namespace, which has to be searched for.
    pub of: String,
    /// How many values: entries of the cache, and the small records beside them.
    pub entries: Option<u64>,
    /// How many bytes they take as the store counts them, with what it needs around them.
    pub bytes: Option<u64>,
    /// Whether entries and bytes are estimated from a part, and not counted.
    pub is_estimate: bool,
    /// How many values the store keeps at most; `None` also if there is no limit.
    pub max_entries: Option<u64>,
    /// How many bytes the store keeps at most; `None` also if there is no limit.
    pub max_bytes: Option<u64>,
    /// How many values were evicted since the server started.
    pub evictions: Option<u64>,
    /// What the store removes when it is full, if it says so.
    pub evicts: Option<Evicts>,
    /// The clock of the store's server in milliseconds since 1970, read while it was measured.
    pub clock_ms: Option<u64>,
    /// What else there is to know of the figures.
    pub notes: Vec<String>,
}

/// What a store removes when it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Evicts {
    /// Nothing: it refuses new values.
    Nothing,
    /// Values that will expire, and none of those that never do.
    Expiring,
    /// Any value.
    Any,
}

impl Measure {
    /// Nothing known yet `of` this, for example `the whole server`.
    #[must_use]
    pub fn new(of: impl Into<String>) -> Self {
        Self {
            of: of.into(),
            ..Self::default()
        }
    }
}
