//! The access log of a server: which requests are told, where, and under which identity.
//!
//! Made at the start of a server; `controller/http/access.rs` asks it for every request.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use smallvec::SmallVec;

use super::format::Format;
use super::line::Line;
use super::proxies::Proxies;
use super::sink::Sink;

/// The share of the requests that are told. Those that fail in the server are told in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share(u64);

impl Share {
    pub(crate) const ALL: Self = Self(u64::MAX);

    /// `share` of all requests, between 0 and 1.
    pub(crate) fn of(share: f64) -> Option<Self> {
        // As many of 2^64.
        let most = u64::MAX as f64;
        (share > 0.0 && share < 1.0).then_some(Self((share * most) as u64))
    }

    /// Whether the request with this `number` is told. Multiples of the golden ratio spread evenly: of any requests in a row,
    /// the share is told, and no rhythm of the clients hides some of them.
    const fn has(self, number: u64) -> bool {
        self.0 == u64::MAX || number.wrapping_mul(0x9E37_79B9_7F4A_7C15) < self.0
    }
}

/// The access log of a server.
#[derive(Debug)]
pub(crate) struct Access {
    format: Format,
    share: Share,
    pub(crate) proxies: Proxies,
    sink: Sink,
    /// The requests so far.
    requests: AtomicU64,
    /// Tells the requests of this process from those of others: `3f9c21ab77de-`.
    prefix: String,
}

thread_local! {
    /// The line that this thread writes. Its memory is kept for the next one.
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Access {
    /// # Errors
    ///
    /// If the file at `path` cannot be opened for writing; without a path, standard output.
    pub(crate) fn open(
        format: Format,
        share: Share,
        path: Option<&Path>,
        proxies: Proxies,
    ) -> io::Result<Self> {
        let random = RandomState::new().build_hasher().finish();
        Ok(Self {
            format,
            share,
            proxies,
            sink: Sink::open(path)?,
            requests: AtomicU64::new(0),
            prefix: format!("{:012x}-", random >> 16),
        })
    }

    /// The number of the next request, and whether it is told if it does not fail.
    pub(crate) fn next(&self) -> (u64, bool) {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        (number, self.share.has(number))
    }

    /// The id of the request with this `number`, in visible characters.
    pub(crate) fn id(&self, number: u64) -> SmallVec<[u8; 40]> {
        let mut id = SmallVec::new();
        id.extend_from_slice(self.prefix.as_bytes());
        id.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        id
    }

    /// Writes a line that ends now, whose fields `fill` adds.
    pub(crate) fn write(&self, fill: impl FnOnce(&mut Line<'_>)) {
        LINE.with_borrow_mut(|bytes| {
            bytes.clear();
            let mut line = Line::begin(bytes, self.format, SystemTime::now());
            fill(&mut line);
            line.end();
            self.sink.push(bytes);
        });
    }

    /// How many lines were lost: the file could not be written, or not fast enough.
    #[cfg(feature = "admin")]
    pub(crate) fn lost(&self) -> u64 {
        self.sink.lost()
    }

    /// Opens the file again, after it was moved away.
    pub(crate) fn reopen(&self) {
        self.sink.reopen();
    }

    /// Waits for a moment until everything is written; for the end of a process.
    pub(crate) fn flush(&self) {
        self.sink.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_that_part_of_the_requests_in_any_row() {
        for (share, expected) in [(0.5, 500), (0.1, 100), (0.01, 10), (0.001, 1)] {
            let share = Share::of(share).unwrap();
            for start in [0, 7, 1_000_003] {
                let told = (start..start + 1_000).filter(|number| share.has(*number));
                let told = told.count();
                assert!(told.abs_diff(expected) <= 2, "{expected}: {told}");
            }
        }
        for wrong in [0.0, 1.0, -0.1, 1.1, f64::NAN] {
            assert_eq!(Share::of(wrong), None);
        }
        assert!((0..1_000).all(|number| Share::ALL.has(number)));
    }
}
