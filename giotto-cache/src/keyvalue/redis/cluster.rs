//! A Redis Cluster: which of its masters has a key, and what to do when that changes.
//!
//! The last step but two of a lookup. Each master has a link of its own, so that one that is dead or hangs
//! costs its own keys and no others. (The cluster client of the library lets every request wait while it
//! reads the slots again, and that takes a timeout for each node that hangs.)

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::Value;

use super::connection::Request;
use super::failure::{Cure, Failure};
use super::link::{Link, Target};
use super::promise::Promise;
use super::settings::{Address, Login};
use super::slots::{self, Slots};

/// While a master is down, each request for one of its keys fails; not every one reads the slots again.
const READ_EVERY: Duration = Duration::from_millis(250);

pub(super) struct Cluster {
    nodes: Vec<Address>,
    login: Arc<Login>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    slots: Slots,
    links: HashMap<Address, Arc<Link>>,
    /// The slots that are being read, or were and are not in use yet.
    reading: Option<Promise<Slots>>,
    read_at: Option<Instant>,
}

impl Cluster {
    pub(super) fn new(nodes: Vec<Address>, login: Arc<Login>) -> Self {
        Self {
            nodes,
            login,
            state: Mutex::default(),
        }
    }

    pub(super) async fn ask(&self, key: &str, request: &Request) -> Result<Value, Failure> {
        let master = self.master_of(key).await?;
        let failure = match self.link(&master).ask(request).await {
            Ok(reply) => return Ok(reply),
            Err(failure) => failure,
        };
        if failure.cure != Cure::None {
            self.read_soon();
        }
        match &failure.cure {
            Cure::Moved(node) => self.link(node).ask(request).await,
            Cure::Asking(node) => {
                let reply = self.link(node).ask(&request.asking()).await?;
                Ok(last(reply))
            }
            _ => Err(failure),
        }
    }

    /// The way to each master, by slots that are read anew.
    pub(super) async fn masters(&self) -> Result<Vec<Arc<Link>>, Failure> {
        let slots = self.read_now().wait().await?;
        let masters = slots.masters().into_iter();
        Ok(masters.map(|master| self.link(&master)).collect())
    }

    async fn master_of(&self, key: &str) -> Result<Address, Failure> {
        let slot = slots::slot(key.as_bytes());
        let known = self.state().slots().master_of(slot);
        if let Some(master) = known {
            return Ok(master);
        }
        let slots = self.read_now().wait().await?;
        // Slots were read, so there is a node that they were read from.
        slots.master_of(slot).ok_or_else(|| {
            let what =
                format!("no node of the cluster has slot {slot}: see `redis-cli cluster info`");
            Failure::new(&what, &self.nodes[0], Cure::Later)
        })
    }

    fn link(&self, node: &Address) -> Arc<Link> {
        let new = || {
            let target = Target::Server(node.clone());
            Arc::new(Link::new(target, Arc::clone(&self.login)))
        };
        Arc::clone(self.state().links.entry(node.clone()).or_insert_with(new))
    }

    /// Has the slots read in the background, unless that was done a moment ago.
    fn read_soon(&self) {
        let read_at = self.state().read_at;
        if read_at.is_none_or(|read_at| read_at.elapsed() >= READ_EVERY) {
            self.read_now();
        }
    }

    /// Has the slots read, or joins those who do.
    fn read_now(&self) -> Promise<Slots> {
        let mut state = self.state();
        state.slots();
        if let Some(reading) = state
            .reading
            .as_ref()
            .filter(|reading| reading.is_pending())
        {
            return reading.clone();
        }
        let known = state.links.keys().filter(|node| !self.nodes.contains(node));
        let nodes = self.nodes.iter().chain(known).cloned().collect();
        let reading = Promise::new(slots::read(nodes, Arc::clone(&self.login)));
        state.reading = Some(reading.clone());
        state.read_at = Some(Instant::now());
        reading
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The slots that were read last. When they are new, the ways to those that are no masters any more go.
    fn slots(&mut self) -> &Slots {
        let read = self
            .reading
            .as_ref()
            .and_then(|reading| reading.peek(Slots::clone));
        if let Some(slots) = read {
            self.reading = None;
            let masters = slots.masters();
            self.links.retain(|node, _| masters.contains(node));
            self.slots = slots;
        }
        &self.slots
    }
}

/// The reply to the request itself, which stands behind the one to `ASKING`.
fn last(reply: Value) -> Value {
    match reply {
        Value::Array(mut replies) => replies.pop().unwrap_or(Value::Nil),
        reply => reply,
    }
}
