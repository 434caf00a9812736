//! The service behind the layer: resources that change, answer conditional requests, fail, and take their time. It writes down
//! each request that it gets.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use fastrand::Rng;
use giotto_cache::Clock;
use http::{HeaderMap, Method, StatusCode};

use crate::rules::{Asked, User, Vary};
use crate::said::{self, Said, append};

/// One request to the origin, and what it has answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// Counted from 0, over all calls.
    pub number: usize,
    /// That of the client's request which has caused it.
    pub request: u64,
    pub path: usize,
    pub user: User,
    pub had: HeaderMap,
    pub sent_ms: u64,
    pub came_ms: u64,
    pub status: StatusCode,
    pub said: Said,
    pub version: u64,
    pub vary: Vary,
    /// A 304 with the fields that it must have only.
    pub is_short: bool,
    /// It failed: `said` does not count.
    pub has_failed: bool,
    pub fields: HeaderMap,
    pub body: String,
}

/// What a path answers now.
#[derive(Clone, Debug)]
pub struct Resource {
    pub said: Said,
    pub version: u64,
    pub vary: Vary,
}

pub struct State {
    pub rng: Rng,
    pub resources: Vec<Resource>,
    pub calls: Vec<Call>,
    /// Whether requests may take time.
    pub takes_time: bool,
    clock: Clock,
}

#[derive(Clone)]
pub struct Origin(Arc<Mutex<State>>);

impl Origin {
    pub fn new(mut rng: Rng, clock: Clock) -> Self {
        let varies = [
            Vary::Nothing,
            Vary::Nothing,
            Vary::Language,
            Vary::Cookie,
            Vary::Both,
            Vary::Star,
        ];
        let resource = |vary| Resource {
            said: Said::draw(&mut rng),
            version: 0,
            vary,
        };
        Self(Arc::new(Mutex::new(State {
            resources: varies.map(resource).to_vec(),
            calls: Vec::new(),
            takes_time: true,
            rng,
            clock,
        })))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub async fn answer(self, request: Request) -> Response {
        // Others come meanwhile.
        let pauses = self.state().rng.u8(..4);
        for _ in 0..pauses {
            tokio::task::yield_now().await;
        }
        self.state().answer(&request)
    }
}

impl State {
    fn answer(&mut self, request: &Request) -> Response {
        let sent_ms = self.clock.now_ms();
        if self.takes_time && self.rng.u8(..6) == 0 {
            self.clock.advance(Duration::from_secs(self.rng.u64(1..3)));
        }
        let path: usize = request.uri().path()[1..].parse().unwrap();
        let had = request.headers().clone();
        let Resource {
            said,
            version,
            vary,
        } = self.resources[path].clone();
        let came_ms = self.clock.now_ms();
        let number = self.calls.len();
        let user = User {
            cookie: number_in(&had, "cookie", "user="),
            authorization: number_in(&had, "authorization", "Bearer "),
        };
        let mut call = Call {
            request: had["x-request"].to_str().unwrap().parse().unwrap(),
            body: format!("call={number} path={path} version={version} {user:?}"),
            status: StatusCode::from_u16(said.status).unwrap(),
            is_short: false,
            has_failed: false,
            fields: HeaderMap::new(),
            number,
            path,
            user,
            had,
            sent_ms,
            came_ms,
            said,
            version,
            vary,
        };
        self.decide(&mut call, request.method());
        append(&mut call.fields, "x-call", &number.to_string());
        let is_empty = request.method() == Method::HEAD || call.status == StatusCode::NOT_MODIFIED;
        let body = if is_empty {
            Body::empty()
        } else {
            Body::from(call.body.clone())
        };
        let mut response = Response::new(body);
        *response.status_mut() = call.status;
        *response.headers_mut() = call.fields.clone();
        self.calls.push(call);
        response
    }

    fn decide(&mut self, call: &mut Call, method: &Method) {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        if self.rng.u8(..16) == 0 {
            let errors = [500, 502, 503, 504];
            call.status = StatusCode::from_u16(errors[self.rng.usize(..4)]).unwrap();
            call.has_failed = true;
            return;
        }
        if !is_read {
            let statuses = [200, 201, 204, 303, 400, 404];
            call.status = StatusCode::from_u16(statuses[self.rng.usize(..6)]).unwrap();
            let other = self.rng.usize(..self.resources.len());
            match self.rng.u8(..4) {
                0 => append(
                    &mut call.fields,
                    "location",
                    &format!("http://example.com/{other}"),
                ),
                1 => append(&mut call.fields, "content-location", &format!("../{other}")),
                2 => append(
                    &mut call.fields,
                    "location",
                    &format!("http://example.org/{other}"),
                ),
                _ => {}
            }
            return;
        }
        let is_success = call.status.is_success();
        if is_success && call.is_not_modified() {
            call.status = StatusCode::NOT_MODIFIED;
            call.is_short = self.rng.bool();
        }
        let (came_ms, version) = (call.came_ms, call.version);
        call.fields = call
            .said
            .write(&mut self.rng, came_ms, version, call.is_short);
        let vary = match call.vary {
            Vary::Nothing => return,
            Vary::Star => "foo, *",
            Vary::Language => "Accept-Language",
            Vary::Cookie => "cookie",
            Vary::Both => "Cookie , accept-language",
        };
        append(&mut call.fields, "vary", vary);
    }
}

impl Call {
    /// Whether a stale response may be served in its place.
    pub fn is_error(&self) -> bool {
        matches!(self.status.as_u16(), 500 | 502 | 503 | 504)
    }

    /// Whether the origin got the conditions of the client, not those of a cache.
    pub fn has_conditions_of(&self, asked: &Asked) -> bool {
        let field = |name: &str| self.had.get(name).map(|value| value.to_str().unwrap());
        match (field("if-none-match"), field("if-modified-since")) {
            (Some(tags), _) => tags.contains("x,y"),
            (None, Some(since)) => {
                let own = asked.modified_since.filter(|_| asked.none_match.is_none());
                own.is_some_and(|own| said::date(own) == since)
            }
            (None, None) => false,
        }
    }

    /// Whether the request has the current version already.
    fn is_not_modified(&self) -> bool {
        let field = |name: &str| self.had.get(name).map(|value| value.to_str().unwrap());
        match (field("if-none-match"), field("if-modified-since")) {
            (Some(tags), _) => {
                self.said.etag.is_some() && tags.contains(&said::etag(self.version, false))
            }
            (None, Some(since)) => {
                let modified = said::date(said::modified_ms(self.version));
                self.said.last_modified && since == modified
            }
            (None, None) => false,
        }
    }
}

fn number_in(fields: &HeaderMap, name: &str, prefix: &str) -> Option<u8> {
    let value = fields.get(name)?.to_str().unwrap();
    value.strip_prefix(prefix)?.parse().ok()
}
