//! Going through all entries, one page after the other, beside the requests that are answered meanwhile.
//!
//! No step of a lookup; for management. A store outside this process, and this process, have a rest after each page, so that a
//! walk takes no more than its share of their time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::state::Engine;
use crate::error::Result;
use crate::inspect::list::{ListPage, Listing, list};

/// The part of the time that a walk is at work, if not set.
const SHARE: f64 = 0.05;
/// The longest rest: a page that took so long because the store was slow is no reason to wait for minutes.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// A walk through entries; see [`Cache::walk`](crate::Cache::walk).
#[must_use = "it does nothing until `next` is called"]
pub struct Walk {
    engine: Arc<Engine>,
    listing: Listing,
    share: f64,
    budget: u64,
    until: Option<Instant>,
    looked_at: u64,
    rest: Duration,
    is_over: bool,
}

impl Walk {
    pub(crate) const fn new(engine: Arc<Engine>, listing: Listing) -> Self {
        Self {
            engine,
            listing,
            share: SHARE,
            budget: u64::MAX,
            until: None,
            looked_at: 0,
            rest: Duration::ZERO,
            is_over: false,
        }
    }

    /// The part of the time that it is at work, from 0 to 1; 0.05 if not set. For the rest of the time it sleeps.
    pub const fn share(mut self, share: f64) -> Self {
        self.share = share.clamp(0.001, 1.0);
        self
    }

    /// Ends after about this number of keys.
    pub const fn budget(mut self, keys: u64) -> Self {
        self.budget = keys;
        self
    }

    /// Ends after the page that is on its way at this moment.
    pub const fn until(mut self, until: Instant) -> Self {
        self.until = Some(until);
        self
    }

    /// The next page; `None` when the walk is over. Then [`cursor`](Self::cursor) says whether there is more.
    ///
    /// # Errors
    ///
    /// Those of [`Cache::list`](crate::Cache::list). The same page may be asked for again.
    pub async fn next(&mut self) -> Result<Option<ListPage>> {
        let left = self.budget.saturating_sub(self.looked_at);
        let is_late = self
            .until
            .is_some_and(|until| Instant::now() + self.rest >= until);
        if self.is_over || left == 0 || is_late {
            return Ok(None);
        }
        tokio::time::sleep(self.rest).await;
        let begun = Instant::now();
        let mut listing = self.listing.clone();
        listing.scan.limit = listing
            .scan
            .limit
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let page = list(&self.engine, &listing).await?;
        self.rest = rest(begun.elapsed(), self.share);
        self.looked_at += page.looked_at;
        self.is_over = page.next.is_none();
        self.listing.scan.cursor.clone_from(&page.next);
        Ok(Some(page))
    }

    /// How many keys were looked at.
    #[must_use]
    pub const fn looked_at(&self) -> u64 {
        self.looked_at
    }

    /// Where the next page begins; `None` if there is none.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.listing.scan.cursor.as_deref()
    }

    /// Whether the last page was seen.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over
    }
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("listing", &self.listing)
            .field("looked_at", &self.looked_at)
            .finish_non_exhaustive()
    }
}

/// How long to rest after work that took so long, so that it is this part of the time.
pub(crate) fn rest(took: Duration, share: f64) -> Duration {
    took.mul_f64(1.0 / share - 1.0).min(LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_what_the_share_leaves() {
        let ms = Duration::from_millis;
        assert_eq!(rest(ms(10), 0.05), ms(190));
        assert_eq!(rest(ms(10), 0.5), ms(10));
        assert_eq!(rest(ms(10), 1.0), Duration::ZERO);
        assert_eq!(rest(ms(10_000), 0.001), LONGEST_REST);
    }
}
