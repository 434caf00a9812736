//! One connection to a server, shared by all callers: requests go out as they come, replies come in order.
//!
//! The last step of a lookup. A task connects, writes and reads. The request of a caller that gives up stays in the queue:
//! its reply is read and dropped, so that no reply is ever taken for that of another request. A request cannot be called
//! back: a server that hung may carry it out after newer ones. Every error ends the connection, and all waiting callers get
//! it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::dial::{PATIENCE, Reader, Writer, connect, silent};
use super::protocol::{Command, Expected};
use super::reply::{self, Reply};
use crate::error::{Error, Result};
use crate::guard::deadline::with_deadline;
use crate::keyvalue::address::Address;
use crate::keyvalue::longest::Longest;

/// The number of requests that may wait for replies; further callers wait before they send theirs.
const MAX_WAITING: usize = 1024;

/// The number of requests that are written before the buffer is flushed.
const BATCH: usize = 64;
const BUFFER: usize = 16 << 10;

pub(super) type Pending = oneshot::Receiver<Result<Reply>>;
type Inbox = mpsc::UnboundedReceiver<Request>;

/// The sending end of a connection; once the last is dropped, the connection is closed.
#[derive(Debug)]
pub(super) struct Connection {
    requests: mpsc::UnboundedSender<Request>,
    slots: Arc<Semaphore>,
    address: Arc<Address>,
}

#[derive(Debug)]
struct Request {
    key: String,
    command: Command,
    caller: Caller,
}

/// The caller that waits for a reply; the reply is read even if the caller has given up.
#[derive(Debug)]
struct Caller {
    reply: oneshot::Sender<Result<Reply>>,
    _slot: OwnedSemaphorePermit,
}

/// A request that was sent.
struct Sent {
    key: String,
    expected: Expected,
    since: Instant,
    caller: Caller,
}

/// The requests that were sent and not answered, in order.
#[derive(Default)]
struct Waiting(Mutex<VecDeque<Sent>>);

impl Connection {
    /// A connection that is being made: requests can be sent at once, and get its error if that fails.
    pub(super) fn open(address: Arc<Address>, longest: Arc<Longest>) -> Self {
        let (requests, inbox) = mpsc::unbounded_channel();
        let slots = Arc::new(Semaphore::new(MAX_WAITING));
        tokio::spawn(serve(
            Arc::clone(&address),
            inbox,
            Arc::clone(&slots),
            longest,
        ));
        Self {
            requests,
            slots,
            address,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.requests.is_closed()
    }

    /// Sends a request and waits for its reply.
    pub(super) async fn ask(&self, key: &str, command: Command) -> Result<Reply> {
        let pending = self.send(key, command).await?;
        self.reply(pending).await
    }

    /// Sends a request, whose reply can be waited for when others are sent.
    pub(super) async fn send(&self, key: &str, command: Command) -> Result<Pending> {
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        let slot = slot.map_err(|_| self.lost())?;
        let (reply, pending) = oneshot::channel();
        let request = Request {
            key: key.to_owned(),
            command,
            caller: Caller { reply, _slot: slot },
        };
        self.requests.send(request).map_err(|_| self.lost())?;
        Ok(pending)
    }

    pub(super) async fn reply(&self, pending: Pending) -> Result<Reply> {
        pending.await.unwrap_or_else(|_| Err(self.lost()))
    }

    fn lost(&self) -> Error {
        self.address.failed(&reply::closed())
    }
}

/// Connects, and answers requests until an error or until the last sender is dropped.
async fn serve(
    address: Arc<Address>,
    mut inbox: Inbox,
    slots: Arc<Semaphore>,
    longest: Arc<Longest>,
) {
    let waiting = Waiting::default();
    let end = exchange(&address, &mut inbox, &waiting, &longest).await;
    // Before any caller gets the error: a caller that tries again gets a new connection.
    inbox.close();
    slots.close();
    let Err(error) = end else { return };
    let error = address.failed(&error);
    let unsent = std::iter::from_fn(|| inbox.try_recv().ok().map(|request| request.caller));
    let sent = std::iter::from_fn(|| waiting.pop().map(|sent| sent.caller));
    for caller in sent.chain(unsent) {
        caller.answer(Err(error.clone()));
    }
}

async fn exchange(
    address: &Address,
    inbox: &mut Inbox,
    waiting: &Waiting,
    longest: &Longest,
) -> io::Result<()> {
    let (read, write) = connect(address).await?;
    tokio::select! {
        end = send(write, inbox, waiting) => end,
        end = receive(read, waiting, longest) => end,
    }
}

/// Writes requests as they come, as many at a time as there are.
async fn send(write: Writer, inbox: &mut Inbox, waiting: &Waiting) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(BUFFER, write);
    let (mut batch, mut bytes) = (Vec::with_capacity(BATCH), Vec::new());
    while inbox.recv_many(&mut batch, BATCH).await > 0 {
        // Other tasks that are about to ask run first: a write for each is a fifth of the CPU time of a hit over HTTP.
        tokio::task::yield_now().await;
        while batch.len() < BATCH
            && let Ok(request) = inbox.try_recv()
        {
            batch.push(request);
        }
        for Request {
            key,
            command,
            caller,
        } in batch.drain(..)
        {
            let expected = command.expected();
            bytes.clear();
            let value = command.write(&key, &mut bytes);
            // Before the first byte is sent, so that no reply can come earlier.
            waiting.push(Sent {
                key,
                expected,
                since: Instant::now(),
                caller,
            });
            writer.write_all(&bytes).await?;
            if let Some(value) = value {
                writer.write_all(&value).await?;
                writer.write_all(b"\r\n").await?;
            }
        }
        writer.flush().await?;
    }
    Ok(())
}

/// Reads replies and hands each to the caller whose turn it is.
async fn receive(read: Reader, waiting: &Waiting, longest: &Longest) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(BUFFER, read);
    let mut line = Vec::new();
    let mut answered = Instant::now();
    let due = |answered| Some(waiting.since()?.max(answered) + PATIENCE);
    loop {
        let left = due(answered).map_or(PATIENCE, left_until);
        match with_deadline(left, reader.fill_buf()).await {
            Some(Ok([])) => return Err(reply::closed()),
            Some(read) => {
                read?;
            }
            None if due(answered).is_some_and(|due| due <= Instant::now()) => {
                return Err(silent("no reply"));
            }
            None => continue,
        }
        let Some(sent) = waiting.pop() else {
            return Err(reply::not_a_reply(reader.buffer()));
        };
        let left = left_until(sent.since.max(answered) + PATIENCE);
        let reply = Reply::read(&mut reader, sent.expected, &sent.key, longest, &mut line);
        match with_deadline(left, reply).await {
            Some(Ok(reply)) => sent.caller.answer(Ok(reply)),
            failed => {
                waiting.put_back(sent);
                return failed.map_or_else(|| Err(silent("half a reply")), |read| read.map(drop));
            }
        }
        answered = Instant::now();
    }
}

fn left_until(due: Instant) -> Duration {
    due.saturating_duration_since(Instant::now())
}

impl Caller {
    fn answer(self, reply: Result<Reply>) {
        // The caller may have given up.
        let _ = self.reply.send(reply);
    }
}

impl Waiting {
    fn push(&self, sent: Sent) {
        self.lock().push_back(sent);
    }

    fn put_back(&self, sent: Sent) {
        self.lock().push_front(sent);
    }

    fn pop(&self) -> Option<Sent> {
        self.lock().pop_front()
    }

    /// Since when the first of them waits.
    fn since(&self) -> Option<Instant> {
        self.lock().front().map(|sent| sent.since)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Sent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
