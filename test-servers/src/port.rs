//! Ports that no two servers get, and whose a port is.
//!
//! Test binaries run at the same time, and each starts servers. A port that nobody listens on may be one that a server
//! of another process is about to listen on; it is reserved until the process that was given it ends.

use std::collections::HashSet;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

/// Ports below those that the system gives to outgoing connections, which might take one before its server does.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// How many ports this process has tried.
static TRIED: AtomicU32 = AtomicU32::new(0);

/// Each reserved port, as a UDP socket of that number. No server that is started here uses UDP, so the socket is in
/// nobody's way, and the system closes it when the process ends, however it ends.
static RESERVED: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());

/// A port of 127.0.0.1 that nobody listens on, reserved for this process until it ends: no other call of this function
/// returns it, in whatever process. A server that needs two ports, as a node of a Redis Cluster does for its bus, takes
/// two.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    // Processes that run at the same time begin far apart.
    let first = std::process::id().wrapping_mul(997);
    let mut candidates = PORTS.map(|_| {
        let number = first.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        PORTS.start + (number % PORTS.len() as u32) as u16
    });
    candidates.find(reserve).expect("a free port")
}

fn reserve(port: &u16) -> bool {
    let address = (Ipv4Addr::LOCALHOST, *port);
    let Ok(reservation) = UdpSocket::bind(address) else {
        return false;
    };
    // A server outside the tests reserves nothing.
    let is_free = TcpListener::bind(address).is_ok();
    if is_free {
        let mut reserved = RESERVED.lock().unwrap_or_else(PoisonError::into_inner);
        reserved.push(reservation);
    }
    is_free
}

/// Whether the process `id` itself listens on `port`, by the system's tables of sockets. Where those cannot be read,
/// it is believed.
pub(crate) fn is_listener(id: u32, port: u16) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{id}/fd")) else {
        return true;
    };
    let listening = listening(port);
    let mut links = files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok());
    links.any(|link| listening.contains(&link))
}

/// The sockets that listen on `port`, as links to open files name them.
fn listening(port: u16) -> HashSet<PathBuf> {
    const LISTEN: &str = "0A";
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let socket = |row: &str| {
        let mut fields = row.split_whitespace();
        let (local, state) = (fields.nth(1)?, fields.nth(1)?);
        let (_, number) = local.rsplit_once(':')?;
        let is_listening =
            state == LISTEN && u16::from_str_radix(number, 16).is_ok_and(|number| number == port);
        let inode = fields.nth(5).filter(|_| is_listening)?;
        Some(format!("socket:[{inode}]").into())
    };
    let rows = tables.iter().flatten().flat_map(|table| table.lines());
    rows.filter_map(socket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_and_handed_out_once_however_many_ask() {
        let ask = || std::thread::spawn(|| [(); 50].map(|()| free_port()));
        let asked = [(); 8].map(|()| ask());
        let ports: Vec<_> = asked
            .into_iter()
            .flat_map(|ports| ports.join().unwrap())
            .collect();
        let different: HashSet<_> = ports.iter().collect();
        assert_eq!(different.len(), ports.len());
        for port in ports {
            assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
        }
    }

    #[test]
    fn a_port_that_another_process_was_given_is_not_handed_out() {
        let port = free_port();
        assert!(!reserve(&port), "its reservation is seen by every process");
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!reserve(&server.local_addr().unwrap().port()));
    }

    #[test]
    fn a_port_belongs_to_the_process_that_listens_on_it_and_to_no_other() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).unwrap();
        let port = server.local_addr().unwrap().port();
        assert!(is_listener(std::process::id(), port));
        assert!(!is_listener(std::process::id(), free_port()));
        let mut other = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let is_its = is_listener(other.id(), port);
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(!is_its, "sleep listens on nothing");
    }
}
