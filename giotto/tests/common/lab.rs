//! The laboratory: models that count their runs, and that another request holds back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use giotto::prelude::*;
use tokio::sync::Semaphore;

/// Counts runs and holds them back, for tests that stage what happens when.
#[derive(Debug, Default)]
pub(crate) struct Lab {
    runs: Mutex<BTreeMap<String, u64>>,
    gates: Mutex<BTreeMap<String, Arc<Gate>>>,
}

#[derive(Debug)]
struct Gate {
    started: Semaphore,
    opened: Semaphore,
}

#[derive(Serialize, Deserialize)]
struct Named {
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Counted {
    x: i64,
    #[serde(default)]
    text: String,
}

#[derive(Serialize, Deserialize)]
struct Opened {
    name: String,
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

impl Lab {
    fn count(&self, name: &str) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        *runs.entry(name.to_owned()).or_default() += 1;
    }

    fn runs(&self, name: &str) -> u64 {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.get(name).copied().unwrap_or(0)
    }

    fn gate(&self, name: &str) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(name.to_owned()).or_insert_with(|| {
            Arc::new(Gate {
                started: Semaphore::new(0),
                opened: Semaphore::new(0),
            })
        });
        Arc::clone(gate)
    }

    /// `counted` counts under its name; `gated` tells that it started and waits until it is opened.
    pub(super) fn manifest(self: Arc<Self>) -> Manifest {
        let (counted, gated, started, opened) = (
            Arc::clone(&self),
            Arc::clone(&self),
            Arc::clone(&self),
            Arc::clone(&self),
        );
        let gated = move |Named { name }: Named| {
            let lab = Arc::clone(&gated);
            async move {
                lab.count(&name);
                let gate = lab.gate(&name);
                gate.started.add_permits(1);
                gate.opened.acquire().await?.forget();
                Ok::<_, Error>(name)
            }
        };
        let started = move |Named { name }: Named| {
            let gate = started.gate(&name);
            async move {
                gate.started.acquire().await?.forget();
                Ok::<_, Error>(name)
            }
        };
        let opened = move |Opened { name, times }: Opened| {
            opened.gate(&name).opened.add_permits(times);
            name
        };
        let counted = move |Counted { x, text }: Counted| {
            counted.count("counted");
            format!("{x}{text}")
        };
        let runs = move |Named { name }: Named| self.runs(&name);
        Manifest::new([
            (
                "counted",
                Program::new(counted).cache(3600).view(BasicView::new()),
            ),
            (
                "gated",
                Program::new(gated).cache(3600).view(BasicView::new()),
            ),
            ("started", Program::new(started).view(BasicView::new())),
            ("opened", Program::new(opened).view(BasicView::new())),
            ("runs", Program::new(runs).view(BasicView::new())),
        ])
    }
}
