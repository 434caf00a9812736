//! Memcached, on 127.0.0.1 and, where the machine has it, ::1.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::time::Duration;

use tempfile::TempDir;

use crate::port::free_port;
use crate::process::Process;

/// A running Memcached server.
#[derive(Debug)]
pub struct Memcached {
    /// What stops, freezes and restarts it.
    pub process: Process,
    _folder: TempDir,
}

impl Memcached {
    /// Starts a server.
    ///
    /// # Panics
    ///
    /// If `memcached` is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(free_port(), &[])
    }

    /// Starts a server on `port` with `arguments` besides, for example `-I 2m`.
    ///
    /// # Panics
    ///
    /// If `memcached` is not installed or does not start.
    #[must_use]
    pub fn start_with(port: u16, arguments: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let port_text = port.to_string();
        let listen = match Self::has_ipv6() {
            true => "127.0.0.1,::1",
            false => "127.0.0.1",
        };
        // It refuses to run as root; started by anybody else it stays who it is.
        let fixed = ["-u", "nobody", "-l", listen, "-U", "0", "-p", &port_text];
        let arguments = fixed.iter().chain(arguments);
        let process = Process::start("memcached", &["memcached"], arguments, port, folder.path());
        Self {
            process,
            _folder: folder,
        }
    }

    /// Starts three servers.
    ///
    /// # Panics
    ///
    /// If `memcached` is not installed or one does not start.
    #[must_use]
    pub fn start_three() -> [Self; 3] {
        [(); 3].map(|()| Self::start())
    }

    /// Whether a server listens on `::1` too.
    #[must_use]
    pub fn has_ipv6() -> bool {
        TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
    }

    /// `127.0.0.1:<port>`.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.process.port())
    }

    /// What the server itself replies to `command`, its last line end included.
    ///
    /// # Panics
    ///
    /// If it does not reply within a minute.
    #[must_use]
    pub fn ask(&self, command: &str) -> String {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.process.port()));
        let mut stream = stream.expect("the server listens");
        let patience = Some(Duration::from_secs(60));
        stream.set_read_timeout(patience).expect("it is not zero");
        // The reply to `mn` shows where that to the command ends.
        let request = format!("{command}\r\nmn\r\n");
        stream
            .write_all(request.as_bytes())
            .expect("the server reads");
        let (mut reply, mut buffer) = (Vec::new(), [0; 4096]);
        while !reply.ends_with(b"MN\r\n") {
            let read = stream.read(&mut buffer).expect("the server replies");
            assert_ne!(read, 0, "the server closed the connection");
            reply.extend_from_slice(&buffer[..read]);
        }
        reply.truncate(reply.len() - b"MN\r\n".len());
        String::from_utf8_lossy(&reply).into_owned()
    }

    /// Stores a value of `length` bytes under `key`, piece by piece.
    ///
    /// # Panics
    ///
    /// If the server does not store it.
    pub fn plant(&self, key: &str, length: usize) {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.process.port()));
        let mut stream = stream.expect("the server listens");
        write!(stream, "set {key} 0 0 {length}\r\n").expect("the server reads");
        let filler = std::io::repeat(b'!').take(length as u64);
        std::io::copy(&mut { filler }, &mut stream).expect("the server reads");
        stream.write_all(b"\r\n").expect("the server reads");
        let mut reply = [0; b"STORED\r\n".len()];
        stream.read_exact(&mut reply).expect("the server replies");
        assert_eq!(&reply, b"STORED\r\n");
    }

    /// A number of `stats`, for example `cmd_set`.
    ///
    /// # Panics
    ///
    /// If there is none of that name.
    #[must_use]
    pub fn stat(&self, name: &str) -> u64 {
        let stats = self.ask("stats");
        let value = stats.lines().find_map(|line| {
            line.strip_prefix("STAT ")?
                .strip_prefix(name)?
                .strip_prefix(' ')
        });
        let value = value.unwrap_or_else(|| panic!("no {name} in {stats}"));
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is {value}"))
    }
}
