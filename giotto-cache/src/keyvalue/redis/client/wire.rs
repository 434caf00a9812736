//! The bytes of one connection: how it is dialled, and the task that writes requests and reads replies.
//!
//! Inside the last step of a lookup. The task runs after all other ready tasks, so that one write carries all their
//! requests: a write for each is a quarter of the CPU time of a hit over HTTP. For TLS the client library has a task of its
//! own, which does not wait.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::{SockRef, TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo,
    RedisResult,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::AbortHandle;

use super::budget::{Bounded, Budget};
use crate::keyvalue::address::Address;

/// The time limit of connecting, until the first request can be sent.
pub(super) const CONNECT: Duration = Duration::from_secs(1);

/// Less than the four minutes after which some load balancers forget a connection.
const KEEPALIVE: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct Wire {
    requests: MultiplexedConnection,
    task: Option<Arc<Task>>,
    budget: Arc<Budget>,
}

/// Ends when the last handle is dropped, whatever the server still owes.
struct Task(AbortHandle);

/// A future that, each time it is woken, first lets all other ready tasks run. Tokio would run it at once, before tasks that
/// are about to send a request.
struct Last<F> {
    future: Pin<Box<F>>,
    has_waited: bool,
}

impl Wire {
    pub(super) async fn dial(address: &Address, tls: bool) -> RedisResult<Self> {
        match address {
            Address::Tcp { host, port } if tls => Self::encrypted(host, *port).await,
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                // Small requests are sent at once, and firewalls do not drop an idle connection.
                stream.set_nodelay(true)?;
                SockRef::from(&stream).set_tcp_keepalive(&keepalive())?;
                Self::over(stream).await
            }
            Address::Unix(path) => Self::over(UnixStream::connect(path).await?).await,
        }
    }

    pub(super) fn requests(&self) -> MultiplexedConnection {
        self.requests.clone()
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Whether the server has closed the connection, as far as is known: the client library's task does not say.
    pub(super) fn is_closed(&self) -> bool {
        self.task.as_ref().is_some_and(|task| task.0.is_finished())
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> RedisResult<Self> {
        let budget = Arc::<Budget>::default();
        let stream = Bounded::new(stream, Arc::clone(&budget));
        let (requests, driver) =
            MultiplexedConnection::new_with_config(&settings(), stream, config()).await?;
        let task = tokio::spawn(Last {
            future: Box::pin(driver),
            has_waited: false,
        });
        Ok(Self {
            requests,
            task: Some(Arc::new(Task(task.abort_handle()))),
            budget,
        })
    }

    /// The client library encrypts, and has a task of its own. It has checked who the server is, so that nothing counts what
    /// the server sends.
    async fn encrypted(host: &str, port: u16) -> RedisResult<Self> {
        choose_cryptography();
        let address = ConnectionAddr::TcpTls {
            host: host.to_owned(),
            port,
            insecure: false,
            tls_params: None,
        };
        let tcp = TcpSettings::default()
            .set_nodelay(true)
            .set_keepalive(keepalive());
        let info = address
            .into_connection_info()?
            .set_tcp_settings(tcp)
            .set_redis_settings(settings());
        let client = Client::open(info)?;
        let requests = client
            .get_multiplexed_async_connection_with_config(&config())
            .await?;
        Ok(Self {
            requests,
            task: None,
            budget: Arc::default(),
        })
    }
}

impl<F: Future> Future for Last<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.has_waited = !self.has_waited;
        if self.has_waited {
            // The runtime puts a task that wakes itself at the end of the queue.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.future.as_mut().poll(context)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn settings() -> RedisConnectionInfo {
    RedisConnectionInfo::default().set_skip_set_lib_name()
}

/// The time limit of replies is our own, which knows of standstills.
fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT))
        .set_response_timeout(None)
}

fn keepalive() -> TcpKeepalive {
    TcpKeepalive::new().with_time(KEEPALIVE)
}

/// For TLS, unless the program has chosen already.
fn choose_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // It fails only if another thread was faster.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
