//! What an end point does with purges, as the log tells it: one line for each change.
//!
//! The last part of a purge, after each request.

use giotto_cache::log::Cut;

use super::client::Outcome;
use super::end_point::EndPoint;

/// What the end point did with the last request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Health {
    #[default]
    Accepting,
    Failing,
    Refusing,
}

impl Health {
    /// Notes the `outcome` of a request, and logs it if it differs from the one before; so many tags are `waiting`.
    pub(super) fn note(&mut self, outcome: &Outcome, end_point: &EndPoint, waiting: usize) {
        let health = match outcome {
            Outcome::Accepted => Self::Accepting,
            Outcome::Later { .. } => Self::Failing,
            Outcome::Refused(_) => Self::Refusing,
        };
        if std::mem::replace(self, health) == health {
            return;
        }
        let end_point = end_point.shown_name();
        match outcome {
            Outcome::Accepted => tracing::info!(end_point, waiting, "purges are accepted again"),
            Outcome::Later { why, .. } => tracing::warn!(
                end_point,
                waiting,
                reason = %Cut(why),
                "purges fail: caches downstream may serve what is old; retrying"
            ),
            Outcome::Refused(why) => tracing::error!(
                end_point,
                reason = %Cut(why),
                "purges are refused and given up: caches downstream may serve what is old; check kind, URL and token"
            ),
        }
    }
}
