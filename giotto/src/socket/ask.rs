//! Asks the servers of an application, all at once, and waits for none of them for long.
//!
//! A program of the operator on the command line does it. A question is a POST of its arguments as JSON, an answer is JSON.

use std::fmt;
use std::io::{Cursor, ErrorKind};
use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::place::{Server, Sockets, own_user};
use crate::error::{Error, ErrorKind as Kind, Result};

/// How long a server may take that has nothing to do but to look at its memory.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// The largest answer.
const MOST_BYTES: usize = 32 << 20;

/// A server that did not answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Silent {
    pub(crate) process: u32,
    pub(crate) error: String,
}

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}: {}", self.process, self.error)
    }
}

/// What the servers are asked.
#[derive(Debug)]
pub(crate) struct Question<'q, A> {
    /// The path of a program of the operator.
    pub(crate) program: &'q str,
    pub(crate) arguments: &'q A,
    /// The [`digest`](super::digest) of the store that a server must have to answer.
    pub(crate) store: Option<u64>,
    /// The only servers that are asked; `None` = all are.
    pub(crate) processes: Option<&'q [u32]>,
}

/// The field with the digest of the store.
pub(crate) const STORE: HeaderName = HeaderName::from_static("giotto-store");

/// The body of a question. With that of a response, the functions of hyper that write both would be no part of their callers,
/// which would be felt in every hit.
type Body = Full<Cursor<Vec<u8>>>;

/// The answers of all servers to the same question, in the order of their processes; and the servers that gave none.
pub(crate) async fn ask_all(
    sockets: &Sockets,
    question: Question<'_, impl Serialize>,
    patience: Duration,
) -> Result<(Vec<(u32, Result<Value>)>, Vec<Silent>)> {
    let servers = sockets.servers().map_err(|error| {
        Error::configuration(format!(
            "the servers cannot be looked for: {error}; admin.socket names the directory of their sockets"
        ))
    })?;
    let request = request(&question)?;
    let mut asked = JoinSet::new();
    let only = question.processes;
    let is_meant = |server: &Server| only.is_none_or(|only| only.contains(&server.process));
    for server in servers.into_iter().filter(is_meant) {
        let request = request.clone();
        asked.spawn(async move {
            let answer = timeout(patience, ask(&server, request)).await;
            let late = |_| {
                Err(Unanswered::Silent(format!(
                    "silent for {} s",
                    patience.as_secs()
                )))
            };
            (server.process, answer.unwrap_or_else(late))
        });
    }
    let (mut answers, mut silent) = (Vec::new(), Vec::new());
    while let Some(asked) = asked.join_next().await {
        match asked? {
            (process, Ok(answer)) => answers.push((process, answer)),
            (process, Err(Unanswered::Silent(error))) => silent.push(Silent { process, error }),
            (_, Err(Unanswered::Gone)) => {}
        }
    }
    answers.sort_by_key(|(process, _)| *process);
    silent.sort_by_key(|silent| silent.process);
    Ok((answers, silent))
}

/// Removes the sockets in the directory whose processes have ended.
pub(crate) async fn sweep(sockets: &Sockets) {
    for server in sockets.servers().unwrap_or_default() {
        if let Err(error) = UnixStream::connect(&server.path).await
            && error.kind() == ErrorKind::ConnectionRefused
        {
            let _ = std::fs::remove_file(&server.path);
        }
    }
}

/// Why there is no answer.
enum Unanswered {
    /// There is no such server any more.
    Gone,
    Silent(String),
}

impl<E: std::error::Error> From<E> for Unanswered {
    fn from(error: E) -> Self {
        Self::Silent(error.to_string())
    }
}

fn request(question: &Question<'_, impl Serialize>) -> Result<Request<Body>> {
    let json = HeaderValue::from_static("application/json");
    let mut request = Request::post(format!("/{}", question.program))
        .header(header::HOST, "giotto")
        .header(header::CONTENT_TYPE, &json)
        .header(header::ACCEPT, json)
        .header(header::CONNECTION, "close");
    if let Some(store) = question.store {
        request = request.header(STORE, format!("{store:016x}"));
    }
    let body = serde_json::to_vec(question.arguments)?;
    Ok(request.body(Full::new(Cursor::new(body)))?)
}

async fn ask(server: &Server, request: Request<Body>) -> Result<Result<Value>, Unanswered> {
    let stream = match UnixStream::connect(&server.path).await {
        Ok(stream) => stream,
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            // Its process has ended without removing it: a socket is placed only when a process listens on it.
            let _ = std::fs::remove_file(&server.path);
            return Err(Unanswered::Gone);
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(Unanswered::Gone),
        Err(error) => return Err(error.into()),
    };
    let (own, user) = (own_user()?, stream.peer_cred()?.uid());
    if own != 0 && own != user {
        let error = format!("it is a process of the user {user}: run the command as that user");
        return Err(Unanswered::Silent(error));
    }
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let (status, body) = (response.status(), response.into_body());
    let body = Limited::new(body, MOST_BYTES).collect().await;
    let body = body.map_err(|error| Unanswered::Silent(error.to_string()))?;
    let answer: Value = serde_json::from_slice(&body.to_bytes())?;
    // A report of what has failed is an answer, too.
    Ok(match answer.get("error") {
        None => Ok(answer),
        Some(_) => Err(refused(status, &answer)),
    })
}

/// The error that a server has answered with.
fn refused(status: StatusCode, answer: &Value) -> Error {
    let message = answer["error"]["message"].as_str();
    let message = message.map_or_else(|| format!("it answered with {status}"), str::to_owned);
    let kind = match status {
        StatusCode::BAD_REQUEST => Kind::InvalidInput,
        StatusCode::NOT_FOUND => Kind::NoProgram,
        StatusCode::GATEWAY_TIMEOUT => Kind::NotCached,
        _ => Kind::Other,
    };
    Error::new(kind, message)
}
