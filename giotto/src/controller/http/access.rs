//! What the access log tells of one request: taken from its head, then from its response, written when the body is sent.
//!
//! Around the first and the last step of an invocation over HTTP, in giotto's own server.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use http::header::{HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode, Uri};

use super::caching::CACHE_STATUS;
use super::failure::program_at;
use super::output::{Body, Sent};
use super::request_id::{REQUEST_ID, given_id, trace_of};
use crate::app::App;
use crate::log::{Access, Line, TraceParent};

/// The client has gone before there was a response. No client sees this status, which nginx has for it, too.
const CLIENT_GONE: u16 = 499;

/// The peer of a connection, for the access log of its server.
#[derive(Debug)]
pub(super) struct Visitor {
    app: App,
    access: Arc<Access>,
    address: IpAddr,
    shown: String,
    is_proxy: bool,
}

impl Visitor {
    /// The visitor at `peer`, if the server of `app` has an access log.
    pub(super) fn new(app: &App, peer: SocketAddr) -> Option<Arc<Self>> {
        let access = app.access.clone()?;
        let address = peer.ip().to_canonical();
        Some(Arc::new(Self {
            app: app.clone(),
            address,
            shown: address.to_string(),
            is_proxy: access.proxies.trust(address),
            access,
        }))
    }

    /// Takes what the log tells of a request from its `head`, which is gone when there is a response.
    pub(super) fn begin(self: &Arc<Self>, head: &Parts) -> Box<Record> {
        let (number, is_told) = self.access.next();
        Box::new(Record {
            visitor: Arc::clone(self),
            started: Instant::now(),
            number,
            is_told,
            method: head.method.clone(),
            uri: head.uri.clone(),
            client: self.is_proxy.then(|| self.client(&head.headers)),
            given_id: given_id(&head.headers).cloned(),
            trace: trace_of(&head.headers),
            id: None,
            status: CLIENT_GONE,
            cache_status: None,
            bytes: 0,
            is_whole: true,
        })
    }

    fn client(&self, headers: &HeaderMap) -> IpAddr {
        let values = headers.get_all(self.access.proxies.field.name());
        let values = values.iter().map(HeaderValue::as_bytes);
        self.access.proxies.client(self.address, values)
    }
}

/// One request. It is written when it is dropped: after the body of its response, or when the connection ends.
#[derive(Debug)]
pub(super) struct Record {
    visitor: Arc<Visitor>,
    started: Instant,
    number: u64,
    is_told: bool,
    method: Method,
    uri: Uri,
    /// As trusted proxies say, if the peer is one.
    client: Option<IpAddr>,
    /// The id that the request brings along.
    given_id: Option<HeaderValue>,
    trace: Option<TraceParent>,
    /// The id that the response tells.
    id: Option<HeaderValue>,
    status: u16,
    cache_status: Option<HeaderValue>,
    /// Of the body, as far as it was handed over to be sent.
    bytes: u64,
    is_whole: bool,
}

impl Record {
    /// Takes what the log tells of the `response`, and has the client told the id of its request.
    pub(super) fn answered(mut self: Box<Self>, response: &mut Response<Body>) {
        self.status = response.status().as_u16();
        self.is_told |= response.status().is_server_error();
        if !self.is_told {
            return;
        }
        let fields = response.headers_mut();
        self.cache_status = fields.get(CACHE_STATUS).cloned();
        let own = fields.entry(REQUEST_ID).or_insert_with(|| self.own_id());
        self.id = Some(own.clone());
        let is_upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let has_body = self.method != Method::HEAD && !is_upgraded;
        response.body_mut().tell(self, has_body);
    }

    /// The id of the request: its own, else that of its trace, else a new one.
    fn own_id(&self) -> HeaderValue {
        if let Some(id) = &self.given_id {
            return id.clone();
        }
        let id = match &self.trace {
            Some(trace) => HeaderValue::from_bytes(&trace.trace_id),
            None => HeaderValue::from_bytes(&self.visitor.access.id(self.number)),
        };
        id.expect("letters, digits and hyphens")
    }

    fn write(&self, line: &mut Line<'_>) {
        match self.client.filter(|client| *client != self.visitor.address) {
            None => line.plain("client", self.visitor.shown.as_bytes()),
            Some(client) => line.plain("client", client.to_string().as_bytes()),
        }
        line.plain("method", self.method.as_str().as_bytes());
        line.text("path", self.uri.path());
        if let Some(query) = self.uri.query() {
            line.text("query", query);
        }
        if let Some(program) = program_at(&self.method, self.uri.path(), &self.visitor.app) {
            line.text("program", program);
        }
        line.number("status", self.status.into());
        line.number("bytes", self.bytes);
        if !self.is_whole {
            line.literal("cut", "true");
        }
        line.seconds("seconds", self.started.elapsed());
        for (name, field) in [
            ("cache_status", &self.cache_status),
            ("request_id", &self.id),
        ] {
            if let Some(field) = field {
                line.text(name, field);
            }
        }
        if let Some(trace) = &self.trace {
            line.plain("trace_id", &trace.trace_id);
        }
    }
}

impl Sent for Record {
    fn sent(&mut self, bytes: usize, is_whole: bool) {
        self.bytes += bytes as u64;
        self.is_whole = is_whole;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if self.is_told {
            self.visitor.access.write(|line| self.write(line));
        }
    }
}
