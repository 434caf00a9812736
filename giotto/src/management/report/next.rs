//! What the next request would get, and why.
//!
//! Shown by `cache/explain`.

use giotto_cache::{Explanation, NotStored, Staleness, Status};
use serde::Serialize;

use crate::error::Error;
use crate::request::{CMD, Controller};

/// What the next request over one front end would get.
#[derive(Clone, PartialEq, Serialize)]
pub(super) struct Next {
    pub(super) over: &'static str,
    status: &'static str,
    reason: Option<String>,
    refreshes: bool,
    /// Whether the old page is served if the model runs and fails.
    falls_back: bool,
    /// The key, if it differs from that of the other front end because middleware distinguishes them.
    pub(super) key: Option<String>,
    pub(super) says: String,
}

impl Next {
    pub(super) fn new(controller: Controller, explained: &Explanation) -> Self {
        let (status, says) = match explained.next {
            Ok(status) => (name(status), says(status, explained)),
            Err(_) => ("not-cached", "an error".to_owned()),
        };
        let runs = matches!(
            explained.next,
            Ok(Status::Stored | Status::NotStored | Status::Collapsed)
        );
        Self {
            over: over(controller),
            status,
            reason: explained.reason.as_ref().map(ToString::to_string),
            refreshes: explained.refreshes,
            falls_back: runs && explained.falls_back,
            key: None,
            says,
        }
    }

    /// The same under another key.
    pub(super) fn under(self, key: Option<String>) -> Self {
        Self { key, ..self }
    }

    pub(super) fn refused(controller: Controller, error: &Error) -> Self {
        Self {
            over: over(controller),
            status: "refused",
            reason: None,
            refreshes: false,
            falls_back: false,
            key: None,
            says: format!("an error, before the cache is asked: {error}"),
        }
    }
}

fn over(controller: Controller) -> &'static str {
    if controller == CMD { "cmd" } else { "http" }
}

const fn obstacle(not_stored: NotStored) -> &'static str {
    match not_stored {
        NotStored::TooLarge => "the last one was too large",
        NotStored::BadTag => {
            "one of its tags is empty, longer than 200 bytes or has control characters, or there are more than 64"
        }
        NotStored::StoreFailed => "the store failed, or does not accept values now",
        NotStored::OverBudget => "its program has used its budget up",
        NotStored::FirstRequest => {
            "its program stores what is asked for again, and this process was not asked for it before"
        }
        other => other.name(),
    }
}

/// The name of a status. For an old page, only the request itself will know whether the model fails or is late.
const fn name(status: Status) -> &'static str {
    match status {
        Status::Hit => "hit",
        Status::Stale(Staleness::Throttled) => "stale-throttled",
        Status::Stale(Staleness::Accepted) => "stale-accepted",
        Status::Stale(_) => "stale-revalidating",
        Status::Stored => "stored",
        Status::Collapsed => "collapsed",
        _ => "not-stored",
    }
}

fn says(status: Status, explained: &Explanation) -> String {
    let reason = explained.reason.as_ref();
    let why = reason.map(|reason| format!(" ({reason})"));
    let why = why.unwrap_or_default();
    let fallback = match explained.falls_back {
        true => "; if it fails, the old page",
        false => "",
    };
    match status {
        Status::Hit if explained.refreshes => {
            "a hit; by chance, a new page would be computed early, in the background".to_owned()
        }
        Status::Hit => match explained.layer {
            None => "a hit: the stored page".to_owned(),
            Some(layer) => format!("a hit: the stored page, from {layer}"),
        },
        Status::Stale(Staleness::Throttled) => {
            format!("the old page{why}: the model failed a moment ago, and does not run again yet")
        }
        Status::Stale(Staleness::Accepted) => format!("the old page{why}: the caller accepts it"),
        Status::Stale(_) if explained.refreshes => {
            format!("the old page{why}, at once; a new one is computed in the background")
        }
        Status::Stale(_) => format!("the old page{why}, at once; a new one is being computed"),
        Status::Stored => format!("the model runs, and its page is stored{why}{fallback}"),
        Status::Collapsed => {
            format!("the page that is being computed now, once it is there{why}{fallback}")
        }
        _ => match explained.not_stored {
            Some(not_stored) => format!(
                "the model runs{why}; its page is not stored: {}",
                obstacle(not_stored)
            ),
            None => format!("the model runs; nothing is stored{why}"),
        },
    }
}
