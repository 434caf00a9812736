//! The servers of a store: one of them, or a cluster.
//!
//! The last step of a lookup.

use std::sync::Arc;

use redis::Value;

use super::cluster::Cluster;
use super::failure::Failure;
use super::link::{Link, Target};
use super::request::Request;
use crate::error::Result;
use crate::guard::breakers::Want;
use crate::guard::server::Loss;
use crate::keyvalue::longest::Longest;
use crate::keyvalue::measure::Measure;
use crate::keyvalue::redis::command;
use crate::keyvalue::redis::settings::{Servers, Settings};
use crate::keyvalue::sum::sum;
use crate::keyvalue::together::together;
use crate::stats::Counts;

pub(crate) enum Way {
    One(Arc<Link>),
    Cluster(Cluster),
}

impl Way {
    pub(crate) fn new(settings: &Settings) -> Self {
        let login = Arc::new(settings.login.clone());
        match settings.servers.clone() {
            Servers::One(address) => Self::One(Arc::new(Link::new(Target::Server(address), login))),
            Servers::Cluster(nodes) => {
                Self::Cluster(Cluster::new(nodes, login, settings.server_deadline))
            }
            Servers::Sentinel { master, sentinels } => {
                let name = master;
                Self::One(Arc::new(Link::new(
                    Target::MasterOf { name, sentinels },
                    login,
                )))
            }
        }
    }

    pub(crate) const fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    pub(crate) async fn ask(&self, want: Want, key: &str, request: Request) -> Result<Value, Loss> {
        match self {
            Self::One(link) => {
                let reply = link.ask(&request).await;
                reply.map_err(|failure| Loss::Store(failure.into_error()))
            }
            Self::Cluster(cluster) => cluster.ask(want, key, &request).await,
        }
    }

    /// The same for a lookup: no reply if the key is at a node that is lost.
    async fn look(&self, key: &str, request: Request) -> Result<Option<Value>> {
        let reply = self.ask(Want::Find, key, request).await;
        reply.map(Some).or_else(Loss::miss)
    }

    /// The value of `key`, but no more of it than shows that it is longer than the `longest`.
    pub(crate) async fn get(&self, key: &str, longest: Option<usize>) -> Result<Option<Vec<u8>>> {
        let reply = self.look(key, command::get(key, longest)).await?;
        let value = reply.map_or(Ok(None), command::value)?;
        self.settle(key, value).await
    }

    /// The same of `keys`, of which there is at least one. In a cluster, where one command may not name keys of
    /// two slots nor those of one that is moving, each has a batch of its own, all sent at once.
    pub(crate) async fn get_many(
        &self,
        keys: &[impl AsRef<str>],
        longest: &Longest,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
        let values = match self {
            Self::One(link) => {
                let reply = link.ask(&command::get_many(&keys, longest)).await;
                command::values(reply.map_err(Failure::into_error)?, keys.len())?
            }
            Self::Cluster(_) => {
                let get = async |key: &&str| {
                    let reply = self.look(key, command::get_many(&[*key], longest)).await?;
                    let values = reply.map_or(Ok(Vec::new()), |reply| command::values(reply, 1));
                    Ok(values?.pop().flatten())
                };
                let values = together(keys.iter().map(get)).await;
                values.into_iter().collect::<Result<_>>()?
            }
        };
        if values.iter().all(|value| !is_empty(value.as_ref())) {
            return Ok(values);
        }
        let all = keys.iter().zip(values);
        let settled = together(all.map(|(key, value)| self.settle(key, value))).await;
        settled.into_iter().collect()
    }

    /// `value`, unless it is empty because the key is absent.
    async fn settle(&self, key: &str, value: Option<Vec<u8>>) -> Result<Option<Vec<u8>>> {
        if !is_empty(value.as_ref()) {
            return Ok(value);
        }
        let reply = self.look(key, command::exists(key)).await?;
        let is_there = reply.map_or(Ok(false), |reply| command::is_there(&reply))?;
        Ok(value.filter(|_| is_there))
    }

    /// What the servers hold, and of what that is.
    pub(crate) async fn measure(&self) -> Result<Measure> {
        let (of, measure) = match self {
            Self::One(link) => (
                "the whole server; the entries are the keys of this database, in every namespace",
                link.measure().await?,
            ),
            Self::Cluster(cluster) => (
                "all masters of the cluster, in every namespace",
                sum(cluster.measure().await.map_err(Failure::into_error)?)?,
            ),
        };
        Ok(Measure {
            of: of.to_owned(),
            ..measure
        })
    }

    /// Whether the server of `key` is well, as far as is known. The cache knows that of a single server.
    pub(crate) fn is_writable(&self, key: &str) -> bool {
        match self {
            Self::One(_) => true,
            Self::Cluster(cluster) => cluster.is_writable(key),
        }
    }

    /// The ways to all servers that have keys: one, or every master of a cluster.
    pub(crate) async fn links(&self) -> Result<Vec<Arc<Link>>> {
        match self {
            Self::One(link) => Ok(vec![Arc::clone(link)]),
            Self::Cluster(cluster) => {
                let masters = cluster.masters().await.map_err(Failure::into_error)?;
                Ok(masters
                    .iter()
                    .map(|master| Arc::clone(&master.link))
                    .collect())
            }
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        match self {
            Self::One(_) => Counts::default(),
            Self::Cluster(cluster) => cluster.counts(),
        }
    }
}

/// Whether an absent key is answered like this, too.
fn is_empty(value: Option<&Vec<u8>>) -> bool {
    value.is_some_and(Vec::is_empty)
}
