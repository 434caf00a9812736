//! The pages of a process that are kept under a coding.
//!
//! After the last step of an invocation. A page is compressed when it is first asked for under a coding, not when it is
//! stored: most pages are asked for under one coding, and many under none.
//!
//! A page is found by its entity tag, a digest of what it is, whatever store it comes from. So nothing has to be
//! invalidated here: a page that has changed has another tag. The digest does not resist an attacker who looks for two
//! pages with one tag, so the page that was compressed is kept as well and compared.

use std::convert::Infallible;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use bytes::Bytes;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use tokio::sync::Semaphore;

use super::codec::compress;
use super::{Coded, Coding};

/// The bytes of all variants, and of the pages that they were made of, which are mostly shared with the store.
const CAPACITY: u64 = 32 << 20;
const SHARDS: usize = 8;
/// What the table needs for a variant besides its bytes.
const OVERHEAD: u64 = 256;
/// With its variant, a page fits into a shard. A larger one would be compressed for each request.
const MAX_BODY: usize = 2_000_000;
/// A larger page would keep other requests waiting for more than about a millisecond, so that it is compressed on the
/// blocking pool.
const MAX_INLINE: usize = 16 << 10;

/// The length of the entity tags of stored pages: 32 hexadecimal digits and two quotes.
const TAG: usize = 34;

/// The variants, shared by all clones of an application; `None` = pages are not compressed.
#[derive(Clone)]
pub(crate) struct Compression(Option<Arc<Variants>>);

struct Variants {
    kept: Cache<Name, Variant, ByBytes>,
    /// For the compressions on the blocking pool, so that models have threads left.
    permits: Semaphore,
}

/// A page and a coding.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Name {
    etag: [u8; TAG],
    coding: Coding,
}

/// A page under a coding; `None` = it is not worth it.
type Variant = Option<Arc<Kept>>;

struct Kept {
    page: Bytes,
    coded: Coded,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Name, Variant> for ByBytes {
    fn weight(&self, _: &Name, variant: &Variant) -> u64 {
        let kept = variant.as_ref();
        OVERHEAD + kept.map_or(0, |kept| (kept.page.len() + kept.coded.body.len()) as u64)
    }
}

impl Compression {
    /// Whether pages can be compressed at all.
    pub(crate) const IS_BUILT_IN: bool = true;

    pub(crate) fn new(is_on: bool) -> Self {
        Self(is_on.then(|| Arc::new(Variants::new())))
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The page `body`, whose entity tag is `etag`, under `coding`; `None` if it is not worth it.
    pub(crate) async fn coded(&self, coding: Coding, etag: &[u8], body: &Bytes) -> Option<Coded> {
        let variants = self.0.as_ref()?;
        let etag = etag.try_into().ok()?;
        if body.len() > MAX_BODY {
            return None;
        }
        let name = Name { etag, coding };
        let variant = match variants.kept.get(&name) {
            Some(variant) => variant,
            // Boxed, so that the future of a hit stays small.
            None => Box::pin(Variants::add(variants, name, body)).await,
        };
        let kept = variant.filter(|kept| is_same(&kept.page, body))?;
        Some(kept.coded.clone())
    }
}

impl Variants {
    fn new() -> Self {
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .weight_capacity(CAPACITY)
            .estimated_items_capacity(4096)
            .build()
            .expect("both capacities are set");
        let lifecycle = DefaultLifecycle::default();
        let hasher = DefaultHashBuilder::default();
        Self {
            kept: Cache::with_options(options, ByBytes, hasher, lifecycle),
            permits: Semaphore::new(available_parallelism().map_or(1, NonZero::get)),
        }
    }

    /// Compresses `page`, once for all requests that ask for it at the same time.
    async fn add(variants: &Arc<Self>, name: Name, page: &Bytes) -> Variant {
        let (variants, page) = (Arc::clone(variants), page.clone());
        if page.len() <= MAX_INLINE {
            return variants.once(name, async { variant(name, page) }).await;
        }
        // In a task of its own, so that a client which disconnects does not make the next one begin again.
        let task = tokio::spawn(async move {
            let work = async {
                // Nobody closes the semaphore.
                let _permit = variants.permits.acquire().await.ok()?;
                let work = tokio::task::spawn_blocking(move || variant(name, page));
                work.await.unwrap_or_default()
            };
            variants.once(name, work).await
        });
        task.await.unwrap_or_default()
    }

    /// The variant `name`, which is that of `work` unless another request makes it.
    async fn once(&self, name: Name, work: impl Future<Output = Variant>) -> Variant {
        let work = async { Ok::<_, Infallible>(work.await) };
        match self.kept.get_or_insert_async(&name, work).await {
            Ok(variant) => variant,
        }
    }
}

fn variant(name: Name, page: Bytes) -> Variant {
    let body = compress(name.coding, &page)?;
    let etag = name.coding.etag(&name.etag)?.into();
    let coded = Coded { body, etag };
    Some(Arc::new(Kept { page, coded }))
}

fn is_same(one: &Bytes, other: &Bytes) -> bool {
    // A page in this process's memory is mostly the very bytes that were compressed.
    (one.as_ptr(), one.len()) == (other.as_ptr(), other.len()) || one == other
}

impl fmt::Debug for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compression")
            .field("is_on", &self.is_on())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Poll;

    use super::*;

    const ETAG: &[u8; TAG] = b"\"0123456789abcdef0123456789abcdef\"";

    fn name(coding: Coding) -> Name {
        let etag = *ETAG;
        Name { etag, coding }
    }

    fn page(bytes: usize) -> Bytes {
        vec![b'a'; bytes].into()
    }

    #[tokio::test]
    async fn requests_at_the_same_time_compress_once() {
        let (variants, runs) = (Variants::new(), AtomicUsize::new(0));
        let work = async || {
            runs.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            variant(name(Coding::Zstd), page(5000))
        };
        let request = || variants.once(name(Coding::Zstd), work());
        let (one, two, three) = tokio::join!(request(), request(), request());
        assert!(one.is_some() && two.is_some() && three.is_some());
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_cancelled_request_leaves_the_work_to_the_next() {
        let variants = Variants::new();
        {
            let mut cancelled = pin!(variants.once(name(Coding::Gzip), std::future::pending()));
            poll_fn(|context| {
                assert!(cancelled.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
        }
        let work = async { variant(name(Coding::Gzip), page(5000)) };
        assert!(variants.once(name(Coding::Gzip), work).await.is_some());
    }

    #[tokio::test]
    async fn a_page_waits_while_as_many_are_compressed_as_there_are_cores() {
        let compression = Compression::new(true);
        let variants = compression.0.as_ref().unwrap();
        let count = variants.permits.available_permits();
        let busy = variants.permits.acquire_many(count as u32).await.unwrap();
        let large = page(MAX_INLINE + 1);
        let mut coded = pin!(compression.coded(Coding::Zstd, ETAG, &large));
        poll_fn(|context| {
            assert!(coded.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(busy);
        assert!(coded.await.is_some());
    }

    #[tokio::test]
    async fn another_page_of_the_same_tag_is_not_served() {
        let compression = Compression::new(true);
        let coded =
            |page: Bytes| async { compression.coded(Coding::Brotli, ETAG, &{ page }).await };
        let first = coded(page(5000)).await.unwrap();
        assert!(coded(page(5001)).await.is_none());
        // The same bytes in another place.
        assert_eq!(coded(page(5000)).await.unwrap().body, first.body);
    }

    #[tokio::test]
    async fn all_variants_together_are_bounded() {
        let compression = Compression::new(true);
        for n in 0..200 {
            let etag = format!("\"{n:032x}\"");
            let (etag, page) = (etag.as_bytes(), page(1_000_000));
            assert!(compression.coded(Coding::Zstd, etag, &page).await.is_some());
        }
        let variants = compression.0.unwrap();
        assert!(variants.kept.weight() <= CAPACITY && variants.kept.len() > 1);
        let too_large = page(MAX_BODY + 1);
        let compression = Compression(Some(variants));
        assert!(
            compression
                .coded(Coding::Zstd, ETAG, &too_large)
                .await
                .is_none()
        );
    }
}
