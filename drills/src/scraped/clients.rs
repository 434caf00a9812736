//! The clients: they ask for everything, and count what they are told.

use std::net::SocketAddr;
use std::sync::Arc;

use super::told::Told;
use crate::client::{self, Reply};

/// Under which name the programs are in the manifest.
pub(crate) const MOUNT: &str = "counted";

pub(super) const CLIENTS: u64 = 12;
/// The requests of each client in a round.
const REQUESTS: u64 = 120;
/// Pages of a program that all clients ask for.
const PAGES: u64 = 12;

/// What clients ask for, as often as it stands here.
const MIX: [&str; 22] = [
    "lasting",
    "lasting",
    "lasting",
    "lasting",
    "brief",
    "brief",
    "brief",
    "stock",
    "stock",
    "stock",
    "news",
    "news",
    "late",
    "crawled",
    "capped",
    "versioned",
    "fragile",
    "absent",
    "unheard",
    "private",
    "mistagged",
    "huge",
];

/// What asks the servers, and counts the answers.
pub(super) struct Clients {
    addresses: Vec<SocketAddr>,
    told: Arc<Told>,
}

impl Clients {
    pub(super) const fn new(addresses: Vec<SocketAddr>, told: Arc<Told>) -> Self {
        Self { addresses, told }
    }

    /// Asks server `number` for a page, and counts the answer.
    pub(super) async fn get(
        &self,
        server: usize,
        program: &str,
        number: u64,
    ) -> Result<Reply, String> {
        let (program, method) = (format!("{MOUNT}/{program}"), "GET");
        let path = format!("/{program}?number={number}");
        let reply = client::ask(self.addresses[server], method, &path).await;
        let reply = reply.map_err(|error| format!("{path}: {error}"))?;
        self.told.note(&program, &reply)?;
        Ok(reply)
    }

    /// Tells server `number` that the stock has changed.
    pub(super) async fn sell(&self, server: usize, number: u64) -> Result<(), String> {
        let path = format!("/{MOUNT}/stock/{number}");
        let reply = client::ask(self.addresses[server], "POST", &path).await;
        let reply = reply.map_err(|error| format!("{path}: {error}"))?;
        match reply.head.starts_with("HTTP/1.1 303") {
            true => Ok(()),
            false => Err(format!("{path}: {}", reply.head)),
        }
    }

    /// One client, which asks for one page after the other.
    pub(super) async fn visit(self: Arc<Self>, client: u64) -> Result<(), String> {
        let mut random = client.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut draw = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        for _ in 0..REQUESTS {
            let server = draw(self.addresses.len() as u64) as usize;
            let (program, number) = (MIX[draw(MIX.len() as u64) as usize], draw(PAGES));
            match draw(20) {
                0 => self.sell(server, number).await?,
                _ => drop(self.get(server, program, number).await?),
            }
        }
        Ok(())
    }
}
