//! Purges the caches downstream, such as a CDN: whatever is invalidated here is sent to an HTTP end point there.
//!
//! No step of an invocation. The cache tells a [`Purger`] of each invalidation. It keeps the tags that are to be purged
//! (`queue.rs`), and a task in the background sends them (`sender.rs`), several in one request, in the form that the end
//! point understands (`end_point.rs`), over HTTP or HTTPS (`client.rs`), until they are accepted; `health.rs` logs whether they
//! are.

mod client;
mod end_point;
mod health;
mod queue;
mod sender;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use giotto_cache::{Downstream, DownstreamCounts, Invalidation, Outdated, Scope, async_trait};
use tokio::time::Instant;

pub use self::end_point::EndPoint;
use self::sender::Sender;
use crate::downstream::{ALL, encoded, program_tag};

/// How long a process that ends waits until its purges are sent.
const LAST_CHANCE: Duration = Duration::from_secs(5);

/// Sends what is invalidated to the [`EndPoint`] of a cache downstream, in the background.
///
/// Tags are sent as the fields of pages have them ([`App::tag_fields`](crate::App::tag_fields)). For a program, everything or
/// one page, the tag that all pages of the program, or all pages, have is sent. Tags that wait are merged; if more than 1,000
/// wait, everything is purged instead. After 429, 5xx and errors of the network it is tried again, with growing pauses.
///
/// ```no_run
/// # use giotto::prelude::*; use giotto::purge::{EndPoint, Purger};
/// # fn app(manifest: Manifest) -> Result<App, Error> {
/// let varnish = EndPoint::varnish_xkey("http://127.0.0.1:6081/")?;
/// Ok(App::new(manifest)
///     .cache(LocMemKeyValue::new())
///     .tag_fields(["xkey"])
///     .downstream(Purger::new(varnish)))
/// # }
/// ```
#[derive(Clone)]
pub struct Purger(Arc<Sender>);

impl Purger {
    /// What sends to `end_point`.
    #[must_use]
    pub fn new(end_point: EndPoint) -> Self {
        Self(Arc::new(Sender::new(end_point, client::transport())))
    }
}

#[async_trait]
impl Downstream for Purger {
    fn invalidated(&self, invalidation: &Invalidation) {
        let Some(tag) = tag_of(&invalidation.outdated) else {
            return;
        };
        let due = Instant::now() + invalidation.settles_within;
        let is_hard = invalidation.is_hard || !self.0.end_point().is_soft();
        sender::push(&self.0, tag.into_owned(), is_hard, due);
    }

    async fn settle(&self) {
        self.0.settle(LAST_CHANCE).await;
    }

    fn counts(&self) -> DownstreamCounts {
        self.0.counts()
    }
}

/// The tag of all pages that are outdated; `None` if there can be none with one.
fn tag_of(outdated: &Outdated) -> Option<Cow<'_, str>> {
    Some(match outdated {
        Outdated::Scope(Scope::Tag(tag)) => encoded(tag),
        Outdated::Scope(Scope::Program(path)) => program_tag(path).into(),
        // A page has no tag of its own, which few would ever use.
        Outdated::Entry(key) => program_tag(&key.program_name()).into(),
        Outdated::Scope(Scope::All) => ALL.into(),
        _ => return None,
    })
}

impl fmt::Debug for Purger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Purger").field(self.0.end_point()).finish()
    }
}

#[cfg(test)]
mod tests {
    use giotto_cache::Key;

    use super::*;

    #[test]
    fn everything_that_is_outdated_has_a_tag() {
        let tag = |outdated: Outdated| tag_of(&outdated).unwrap().into_owned();
        assert_eq!(tag(Outdated::Scope("user 7".into())), "user%207");
        let program = Outdated::Scope(Scope::Program("blog/post".into()));
        assert_eq!(tag(program), "giotto:program:blog/post");
        assert_eq!(tag(Outdated::Scope(Scope::All)), "giotto:all");
        let key = Key::new("blog/post", "{'id': 1}", "text/html");
        assert_eq!(tag(Outdated::Entry(key)), "giotto:program:blog/post");
        let program = || "a(b)".to_owned();
        let key = Key::new(&program(), "", "text/html");
        let of_scope = tag(Outdated::Scope(Scope::Program(program())));
        assert_eq!(tag(Outdated::Entry(key)), of_scope);
    }
}
