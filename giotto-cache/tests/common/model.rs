//! A computation that a test holds back: its runs are counted, and end as the test says.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use giotto_cache::{Answer, CacheControl, Computed, Metadata, Result};
use tokio::sync::Semaphore;

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("broken")]
pub(crate) struct Broken;

/// A computation whose runs are counted, and held if the test wants; it shows the number of its run.
#[derive(Clone, Default)]
pub(crate) struct Model(Arc<State>);

#[derive(Default)]
struct State {
    runs: AtomicUsize,
    says: Mutex<Says>,
    gate: Mutex<Option<Arc<Semaphore>>>,
}

/// How a run ends.
#[derive(Clone, Copy, Default)]
pub(crate) enum Says {
    #[default]
    Page,
    /// A page with [`metadata`].
    Described,
    NotFound,
    NotFoundFor(i64),
    NotModified,
    Refused,
    Fails,
    Panics,
    /// The first run panics, the others return a page.
    PanicsAtFirst,
    /// A page, about which this is said.
    Wants(fn(&CacheControl)),
}

impl Model {
    pub(crate) fn saying(says: Says) -> Self {
        let model = Self::default();
        model.says(says);
        model
    }

    pub(crate) fn says(&self, says: Says) {
        *self.0.says.lock().unwrap() = says;
    }

    /// Runs begun.
    pub(crate) fn runs(&self) -> usize {
        self.0.runs.load(Ordering::SeqCst)
    }

    /// One whose runs wait until they are released.
    pub(crate) fn held() -> Self {
        let model = Self::default();
        model.hold();
        model
    }

    /// From now on runs wait until they are released.
    pub(crate) fn hold(&self) {
        *self.0.gate.lock().unwrap() = Some(Arc::new(Semaphore::new(0)));
    }

    /// Lets one run go on that waits.
    pub(crate) fn release_one(&self) {
        if let Some(gate) = &*self.0.gate.lock().unwrap() {
            gate.add_permits(1);
        }
    }

    /// Lets every run go on that waits, and those that will begin.
    pub(crate) fn release(&self) {
        if let Some(gate) = self.0.gate.lock().unwrap().take() {
            gate.close();
        }
    }

    pub(crate) async fn run(self, control: CacheControl) -> Result<Computed, Broken> {
        let run = self.0.runs.fetch_add(1, Ordering::SeqCst) + 1;
        let gate = self.0.gate.lock().unwrap().clone();
        if let Some(gate) = gate
            && let Ok(permit) = gate.acquire().await
        {
            permit.forget();
        }
        let says = *self.0.says.lock().unwrap();
        let page = Bytes::from(run.to_string());
        match says {
            Says::Page => Ok(Computed::Page(page)),
            Says::Described => Ok(Computed::Described(page, metadata())),
            Says::NotFound => Ok(Computed::Negative(page)),
            Says::NotFoundFor(ttl) => {
                control.ttl(ttl);
                Ok(Computed::Negative(page))
            }
            Says::NotModified => Ok(Computed::NotModified),
            Says::Refused => Ok(Computed::refused(Broken)),
            Says::Fails => Err(Broken),
            Says::PanicsAtFirst if run > 1 => Ok(Computed::Page(page)),
            Says::PanicsAtFirst | Says::Panics => panic!("staged: run {run} panics"),
            Says::Wants(wants) => {
                wants(&control);
                Ok(Computed::Page(page))
            }
        }
    }
}

/// A status and two fields.
pub(crate) fn metadata() -> Metadata {
    let fields = [("content-language", "de"), ("link", "</a>; rel=next")];
    Metadata::new(Some(201), fields).unwrap()
}

/// The page, which is the number of the run that made it.
pub(crate) fn page(answer: &Answer) -> usize {
    let body = answer.entry.body();
    std::str::from_utf8(&body).unwrap().parse().unwrap()
}
