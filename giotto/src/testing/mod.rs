//! What the tests of an application need: a browser in this process, faults, and the assertions of the cache.
//!
//! No step of a request. [`Client`] asks an application as a browser does (`client.rs`), and gets a [`Reply`] (`reply.rs`), whose
//! [`Form`]s (`form.rs`, read by `html.rs`) it fills in and sends; `address.rs` says where they lead. [`Chaos`] stands in front of a
//! store and makes it fail. The assertions take a [`Reply`] (by its `Cache-Status`, `told.rs`), a [`Page`] or its
//! [`CacheStatus`], and say what was there instead. The guide `docs/testing.md` has examples of all of it.
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use std::time::Duration;
//!
//! use giotto::Request;
//! use giotto::cache::{Cache, Clock, Reason, Staleness};
//! use giotto::prelude::*;
//! use giotto::testing::{Chaos, assert_hit, assert_miss, assert_stale};
//!
//! static IS_DOWN: AtomicBool = AtomicBool::new(false);
//!
//! /// The news, from a service that is down at times.
//! #[model]
//! fn news() -> Result<String, Error> {
//!     match IS_DOWN.load(Ordering::SeqCst) {
//!         true => Err(Error::other("the service is down")),
//!         false => Ok("nothing new".to_owned()),
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! # runtime.block_on(async {
//! let policy = Policy::seconds(60).stale_if_error(600);
//! let program = Program::new(news).cache(policy).view(BasicView::new());
//! let clock = Clock::manual(1_700_000_000_000);
//! let chaos = Chaos::new(LocMemKeyValue::new().clock(clock.clone()));
//! let cache = Cache::builder(Arc::new(chaos.clone())).clock(clock.clone()).seed(12).build();
//! let app = App::new(Manifest::new([("news", program)])).with_cache(cache.clone());
//! let get = async || {
//!     let page = app.invoke(&mut Request::new(HTTP_GET, "news.json")).await;
//!     cache.settle().await; // what was computed is stored
//!     page
//! };
//!
//! assert_miss!(get().await?, Reason::FirstSeen);
//! assert_hit!(get().await?);
//!
//! clock.advance(Duration::from_secs(60));
//! IS_DOWN.store(true, Ordering::SeqCst);
//! assert_stale!(get().await?, Staleness::Failed);
//!
//! IS_DOWN.store(false, Ordering::SeqCst);
//! chaos.errors(1.0);
//! assert_miss!(get().await?, Reason::BackendError);
//! # Ok::<(), Error>(())
//! # }).map_err(|error| format!("{error:?}"))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod client;
mod form;
mod html;
mod reply;
#[cfg(test)]
mod tests;
mod told;

pub use giotto_cache::testing::{Answered, Chaos, assert_hit, assert_miss, assert_stale};
use giotto_cache::{Reason, Status};

pub use self::client::Client;
pub use self::form::Form;
pub use self::reply::Reply;
use crate::cache_status::CacheStatus;
use crate::page::Page;

impl Answered for CacheStatus {
    fn status(&self) -> Option<Status> {
        self.status
    }

    fn reason(&self) -> Option<Reason> {
        self.reason.clone()
    }
}

/// A page of a program without a cache has no status and no reason.
impl Answered for Page {
    fn status(&self) -> Option<Status> {
        self.cache_status()?.status
    }

    fn reason(&self) -> Option<Reason> {
        self.cache_status()?.reason.clone()
    }
}
