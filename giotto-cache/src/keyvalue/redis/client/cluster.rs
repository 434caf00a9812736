//! A Redis Cluster: which of its masters has a key, and what to do when that changes.
//!
//! The last step of a lookup. Each master has its own connection and guard, so that a master that is down or hangs affects
//! only its own keys. (The cluster client of the library makes every request wait while it reads the slots again, which
//! takes a timeout for each node that hangs.)

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::Value;

use super::failure::{Cure, Failure};
use super::link::{Link, Target};
use super::promise::Promise;
use super::request::Request;
use super::slots::{self, Slots};
use crate::clock::Clock;
use crate::error::Error;
use crate::guard::breakers::Want;
use crate::guard::server::{Fault, GuardedServer, Loss};
use crate::keyvalue::address::Address;
use crate::keyvalue::measure::Measure;
use crate::keyvalue::redis::command;
use crate::keyvalue::redis::settings::Login;
use crate::keyvalue::together::together;
use crate::stats::Counts;
use crate::stats::layer::Failures;

/// While a master is down, each request for one of its keys fails; not every one reads the slots again.
const READ_EVERY: Duration = Duration::from_secs(1);

pub(crate) struct Cluster {
    nodes: Vec<Address>,
    login: Arc<Login>,
    /// For the reply of one node.
    deadline: Duration,
    failures: Arc<Failures>,
    clock: Clock,
    state: Mutex<State>,
}

/// A node with its connection and its guard.
pub(super) struct Node {
    pub(super) link: Arc<Link>,
    guard: GuardedServer,
}

#[derive(Default)]
struct State {
    slots: Slots,
    nodes: HashMap<Address, Arc<Node>>,
    /// The slots that are being read, or were and are not in use yet.
    reading: Option<Promise<Slots>>,
    read_at: Option<Instant>,
}

impl Cluster {
    pub(super) fn new(nodes: Vec<Address>, login: Arc<Login>, deadline: Duration) -> Self {
        Self {
            nodes,
            login,
            deadline,
            failures: Arc::default(),
            clock: Clock::system(),
            state: Mutex::default(),
        }
    }

    pub(super) async fn ask(
        &self,
        want: Want,
        key: &str,
        request: &Request,
    ) -> Result<Value, Loss> {
        let master = self.master_of(key).await.map_err(Failure::into_error)?;
        let failure = match self.ask_node(&master, want, key, request).await? {
            Ok(reply) => return Ok(reply),
            Err(redirect) => redirect,
        };
        self.read_soon();
        let reply = match &failure.cure {
            Cure::Moved(node) => self.ask_node(node, want, key, request).await?,
            Cure::Asking(node) => {
                let reply = self.ask_node(node, want, key, &request.asking()).await?;
                reply.map(|reply| request.asked(reply))
            }
            _ => Err(failure),
        };
        reply.map_err(|failure| Loss::Server(failure.into_error()))
    }

    /// The nodes that are masters, by slots that are read anew.
    pub(super) async fn masters(&self) -> Result<Vec<Arc<Node>>, Failure> {
        let slots = self.read_now().wait().await?;
        let masters = slots.masters().into_iter();
        Ok(masters.map(|master| self.node(&master)).collect())
    }

    /// What each master holds, all asked at the same time.
    pub(super) async fn measure(&self) -> Result<Vec<Result<Measure, Error>>, Failure> {
        let measure = async |master: &Arc<Node>| {
            let call = master.link.measure();
            master.guard.ask_aside(call).await
        };
        let masters = self.masters().await?;
        Ok(together(masters.iter().map(measure)).await)
    }

    /// What was counted of its nodes.
    pub(super) fn counts(&self) -> Counts {
        self.failures.counts()
    }

    /// Whether the master of `key` is well, as far as is known.
    pub(super) fn is_writable(&self, key: &str) -> bool {
        let mut state = self.state();
        let master = state.slots().master_of(slots::slot(key.as_bytes()));
        let node = master.and_then(|master| state.nodes.get(&master));
        node.is_none_or(|node| node.guard.is_writable())
    }

    /// The reply of one node, or the failure that names another node. Without either the node is lost, and its keys may
    /// have moved.
    async fn ask_node(
        &self,
        address: &Address,
        want: Want,
        key: &str,
        request: &Request,
    ) -> Result<Result<Value, Failure>, Loss> {
        let node = self.node(address);
        let probe = || {
            let (node, key) = (Arc::clone(&node), key.to_owned());
            async move { node.ask(&command::exists(&key)).await }
        };
        let call = node.ask(request);
        let reply = node.guard.ask(want, self.deadline, call, probe).await;
        if matches!(reply, Err(Loss::Server(_))) {
            self.read_soon();
        }
        reply
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

    fn node(&self, address: &Address) -> Arc<Node> {
        let new = || {
            let target = Target::Server(address.clone());
            let (name, failures) = (format!("Redis at {address}"), Arc::clone(&self.failures));
            Arc::new(Node {
                link: Arc::new(Link::new(target, Arc::clone(&self.login))),
                guard: GuardedServer::new(name, failures, self.clock.clone()),
            })
        };
        let mut state = self.state();
        let node = state.nodes.entry(address.clone()).or_insert_with(new);
        Arc::clone(node)
    }

    /// Starts reading the slots in the background, unless they were read less than a second ago.
    fn read_soon(&self) {
        let read_at = self.state().read_at;
        if read_at.is_none_or(|read_at| read_at.elapsed() >= READ_EVERY) {
            self.read_now();
        }
    }

    /// Starts reading the slots, or joins a reading that has started.
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
        let known = state.nodes.keys().filter(|node| !self.nodes.contains(node));
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

impl Node {
    async fn ask(&self, request: &Request) -> Result<Result<Value, Failure>, Fault> {
        match self.link.ask(request).await {
            Err(failure) if !failure.is_redirect() => Err(failure.into_fault()),
            reply => Ok(reply),
        }
    }
}

impl State {
    /// The slots that were read last. When they are new, the connections to nodes that are not masters any more are dropped.
    fn slots(&mut self) -> &Slots {
        let read = self
            .reading
            .as_ref()
            .and_then(|reading| reading.peek(Slots::clone));
        if let Some(slots) = read {
            self.reading = None;
            let masters = slots.masters();
            self.nodes.retain(|node, _| masters.contains(node));
            self.slots = slots;
        }
        &self.slots
    }
}
