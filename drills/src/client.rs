//! One request and its whole answer, for the drills that look at what each answer says.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::load;

/// A request that is not answered within this time has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came back.
pub(crate) struct Reply {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn is_ok(&self) -> bool {
        self.head.starts_with("HTTP/1.1 200 ")
    }

    /// Whether `Cache-Status` says that the page is a fresh one of the store, or one of another process that is still on its way
    /// there.
    pub(crate) fn is_fresh_hit(&self) -> bool {
        load::field(&self.head, "cache-status").is_some_and(|status| {
            let is_fresh = status.contains("; hit") && !status.contains("ttl=-");
            is_fresh || status.contains("; collapsed")
        })
    }
}

/// Asks on a connection of its own.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str) -> io::Result<Reply> {
    let request = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let (head, body) = load::receive(&mut stream).await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Reply { head, body })
    };
    let late = || Err(io::Error::from(io::ErrorKind::TimedOut));
    tokio::time::timeout(PATIENCE, request)
        .await
        .unwrap_or_else(|_| late())
}
