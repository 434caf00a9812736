//! One drill: a store that works, fails while the server is under load, and works again.
//!
//! What can be failed is a [`Stage`]; what is promised of the server meanwhile a [`Promise`].

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::hits::hits_back;
use crate::load::{Load, Sample};
use crate::server::{self, Server};

/// Until the store fails: the pages are stored, and then they are hits for a while.
const WARM: Duration = Duration::from_millis(1200);

/// How long it fails.
const FAULT: Duration = Duration::from_secs(3);

/// Hits that are not back so long after the store is have not come back.
const PATIENCE: Duration = Duration::from_secs(10);

/// For so long the drill goes on once hits are back.
const AFTER: Duration = Duration::from_millis(500);

/// A drill: its name, what makes its stage, and what must hold on it.
pub(crate) struct Drill {
    pub(crate) name: &'static str,
    pub(crate) stage: fn(&Handle, &Path) -> Stage,
    pub(crate) promise: Promise,
}

#[derive(Clone, Copy)]
pub(crate) struct Promise {
    /// The 99th percentile of what is added to the computing time.
    pub(crate) added: Duration,
    /// Whether the store is left alone, by its own breaker or that of one of its servers, and so adds 2 ms at most.
    pub(crate) left_alone: bool,
    /// The share of known pages that are hits all the same, half a second after the failure and later.
    pub(crate) hits: f64,
    /// Hits are back so soon.
    pub(crate) back: Duration,
    /// What `back` is counted from.
    pub(crate) since: Since,
    pub(crate) start: Start,
    /// Whether 30 % of the clients leave while the store fails.
    pub(crate) clients_leave: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// The moment in which the store is whole again.
    Healing,
    /// The failure itself: it must be overcome without any help.
    Failing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// The server is started while the store works.
    Whole,
    /// The store has failed before the server is started.
    Failed,
}

impl Promise {
    /// Of a store that is gone: nobody waits for it.
    pub(crate) const DEAD: Self = Self {
        added: Duration::from_millis(50),
        left_alone: true,
        hits: 0.0,
        back: Duration::from_secs(2),
        since: Since::Healing,
        start: Start::Whole,
        clients_leave: false,
    };

    /// Of a store that does not answer: the first who ask wait until their deadline is over.
    pub(crate) const HUNG: Self = Self {
        added: Duration::from_millis(150),
        ..Self::DEAD
    };

    /// Of a store that answers, with what it has or with a refusal.
    pub(crate) const ANSWERS: Self = Self {
        left_alone: false,
        hits: 0.99,
        ..Self::DEAD
    };

    /// Of a store that answers at once, with what is not to be served: no breaker leaves it alone for long.
    pub(crate) const LIES: Self = Self {
        hits: 0.0,
        ..Self::ANSWERS
    };

    pub(crate) const fn keeps_hits(self, hits: f64) -> Self {
        Self { hits, ..self }
    }

    pub(crate) const fn unaided(self) -> Self {
        let since = Since::Failing;
        Self { since, ..self }
    }

    pub(crate) const fn back_within(self, seconds: u64) -> Self {
        let back = Duration::from_secs(seconds);
        Self { back, ..self }
    }

    pub(crate) const fn failed_from_the_start(self) -> Self {
        let start = Start::Failed;
        Self { start, ..self }
    }

    pub(crate) const fn while_clients_leave(self) -> Self {
        Self {
            clients_leave: true,
            ..self
        }
    }
}

/// What is done to a store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Fail,
    Heal,
}

/// A store, how the server names it, and what makes it fail and work again.
pub(crate) struct Stage {
    pub(crate) cache: String,
    take: Box<dyn FnMut(Step)>,
}

impl Stage {
    /// The store that `cache` names consists of `servers`, to which `take` does what a step says.
    pub(crate) fn new<S: 'static>(
        cache: String,
        mut servers: S,
        take: impl Fn(&mut S, Step) + 'static,
    ) -> Self {
        Self {
            cache,
            take: Box::new(move |step| take(&mut servers, step)),
        }
    }

    pub(crate) fn take(&mut self, step: Step) {
        (self.take)(step);
    }
}

/// When things happened, after the load began, and what was seen.
pub(crate) struct Run {
    pub(crate) starting: Duration,
    pub(crate) failed: Duration,
    /// When healing began, which takes time itself, and much of the machine where processes are started.
    pub(crate) healing: Duration,
    pub(crate) healed: Duration,
    pub(crate) samples: Vec<Sample>,
    pub(crate) log: Vec<String>,
}

pub(crate) fn run(drill: &Drill, runtime: &Handle) -> io::Result<Run> {
    let folder = tempfile::tempdir()?;
    let mut stage = (drill.stage)(runtime, folder.path());
    let Promise { start, .. } = drill.promise;
    if start == Start::Whole {
        server::syncdb(folder.path(), &stage.cache)?;
    }
    let server = Server::start(folder.path(), &stage.cache)?;
    let load = Load::start(runtime, server.address());
    if start == Start::Whole {
        std::thread::sleep(WARM);
    }
    let failed = load.elapsed();
    load.let_clients_leave(drill.promise.clients_leave);
    stage.take(Step::Fail);
    std::thread::sleep((failed + FAULT).saturating_sub(load.elapsed()));
    let healing = load.elapsed();
    stage.take(Step::Heal);
    load.let_clients_leave(false);
    let healed = load.elapsed();
    let back = || hits_back(&load.samples(), healed).is_some();
    while !back() && load.elapsed() < healed + PATIENCE {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(AFTER);
    Ok(Run {
        starting: server.starting(),
        failed,
        healing,
        healed,
        samples: load.stop(),
        log: server.log(),
    })
}

/// The same load on a server that keeps nothing.
pub(crate) fn without_cache(runtime: &Handle) -> io::Result<Vec<Sample>> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), "dummy")?;
    let load = Load::start(runtime, server.address());
    std::thread::sleep(FAULT);
    Ok(load.stop())
}
