//! The answer to one request that the cache may have: a stored response, or one that the service behind returns.
//!
//! A request goes through these steps:
//!
//! 1. The primary key is looked up. What it has is a response, or a marker of what its responses vary by.
//! 2. Under a marker, the key of the variant is looked up.
//! 3. If neither has anything that may be served, the engine has one request sent, for all callers that wait
//!    (`upstream.rs`). Its own caller gets the response by a channel, the others from the engine.
//! 4. A caller that gets nothing from the engine, because the response was not for it, sends its own request.

use std::sync::Arc;

use bytes::Bytes;
use giotto_cache::{Answer, Error, ErrorKind, Key, Lookup, Mode, Staleness, Status};
use http::{HeaderMap, Request, Response, StatusCode, request};
use tower_service::Service;

use crate::body::{Body, BoxError};
use crate::cache_status::{CacheStatus, Forward};
use crate::credentials;
use crate::demand::Demand;
use crate::exchange::{Cell, First, Replies, Reply, Uncached, exchange};
use crate::key;
use crate::place::Place;
use crate::prepared::Moment;
use crate::respond::{self, Wanted};
use crate::rfc;
use crate::settings::Settings;
use crate::stored::{Head, Marker, Stored};
use crate::upstream::Upstream;

/// How often a primary key is looked up for one request. Its marker may be replaced meanwhile.
const ROUNDS: usize = 3;

/// One request on its way.
pub(crate) struct Flow<S, B, R, E> {
    settings: Arc<Settings>,
    primary: Key,
    demand: Demand,
    asked: Arc<request::Parts>,
    cell: Cell<S, B, R, E>,
    replies: Replies<R, E>,
    /// Whether the key of a variant was looked up last.
    is_variant: bool,
}

type Brought<R, E> = First<R, E, Result<Answer, Error>>;

type Answered<R, E> = Result<Response<Body<R>>, E>;

impl<S, B, R> Flow<S, B, R, S::Error>
where
    S: Service<Request<B>, Response = Response<R>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Send + 'static,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    pub(crate) fn new(
        settings: Arc<Settings>,
        primary: Key,
        demand: Demand,
        service: S,
        request: Request<B>,
    ) -> Self {
        let (parts, body) = request.into_parts();
        // The last response to such a request was for it alone: no other caller waits for this one.
        let is_refused = credentials::has_any(&parts.headers)
            && settings.refused.has(&primary, settings.cache.now_ms());
        let demand = match is_refused {
            true => demand.only(),
            false => demand,
        };
        let asked = Arc::new(parts.clone());
        let (cell, replies) = exchange(service, Request::from_parts(parts, body));
        Self {
            settings,
            primary,
            demand,
            asked,
            cell,
            replies,
            is_variant: false,
        }
    }

    pub(crate) async fn run(mut self) -> Answered<R, S::Error> {
        let mut waits = false;
        for _ in 0..ROUNDS {
            self.is_variant = false;
            let lookup = self.lookup(self.primary.clone()).wait_for_fresh(waits);
            let answer = match self.ask(lookup, None).await {
                First::Reply(reply) => return self.replied(reply),
                First::Answer(Ok(answer)) => answer,
                First::Answer(Err(error)) if self.may_share(&error) => continue,
                First::Answer(Err(error)) => return self.failed(&error).await,
            };
            let marker = match answer.entry.metadata().as_ref().and_then(Stored::read) {
                Some(Stored::Response(head)) => return self.stored(head, answer).await,
                Some(Stored::Marker(marker)) => marker,
                None => return self.unreadable(&self.primary.clone()).await,
            };
            let is_old = matches!(answer.status, Status::Stale(_));
            match self.variant(marker, is_old).await {
                Some(answered) => return answered,
                // Its marker is old: wait for the new one, which another request has brought.
                None => waits = true,
            }
        }
        self.pass(Forward::VaryMiss, Some("vary-changes")).await
    }

    /// The response under the key of the variant; `None` if only the next marker can tell.
    async fn variant(&mut self, marker: Marker, is_old: bool) -> Option<Answered<R, S::Error>> {
        self.is_variant = true;
        let Some(key) = key::variant(&self.primary, &marker, &self.asked.headers) else {
            return Some(self.pass(Forward::Bypass, Some("key-too-long")).await);
        };
        let mut lookup = self.lookup(key.clone());
        if is_old {
            // A new marker is on its way, and with it a new response.
            lookup = lookup.mode(Mode::Only);
        }
        let brought = match self.ask(lookup, Some(marker)).await {
            First::Reply(reply) => return Some(self.replied(reply)),
            First::Answer(answer) => answer,
        };
        Some(match brought {
            Ok(answer) => match answer.entry.metadata().as_ref().and_then(Stored::read) {
                Some(Stored::Response(head)) => self.stored(head, answer).await,
                _ => self.unreadable(&key).await,
            },
            Err(error)
                if is_old
                    && error.kind() == ErrorKind::NotCached
                    && !self.demand.is_only()
                    && self.cell.is_full() =>
            {
                return None;
            }
            Err(error) => self.failed(&error).await,
        })
    }

    fn lookup(&self, key: Key) -> Lookup {
        self.demand.apply(Lookup::new(key, self.settings.policy))
    }

    /// Asks the engine, which may have this caller's own request sent.
    async fn ask(&mut self, lookup: Lookup, marker: Option<Marker>) -> Brought<R, S::Error> {
        let (settings, asked, cell) = (&self.settings, &self.asked, &self.cell);
        let place = Place {
            primary: self.primary.clone(),
            marker,
        };
        let answer = settings.cache.answer(lookup, |control| {
            let upstream = Upstream {
                settings: Arc::clone(settings),
                asked: Arc::clone(asked),
                place,
                control,
            };
            upstream.compute(cell.clone())
        });
        self.replies.or(answer).await
    }

    /// There is nothing that the engine could serve.
    async fn failed(&mut self, error: &Error) -> Answered<R, S::Error> {
        if let Some(reply) = self.replies.take_held() {
            return self.replied(reply);
        }
        let reason = error.reason();
        match error.kind() {
            ErrorKind::NotCached if self.demand.only_if_cached() => Ok(self.not_cached()),
            ErrorKind::Timeout => {
                let status =
                    CacheStatus::passed(Forward::of(reason, self.is_variant), Some("late"));
                Ok(respond::own(
                    &self.settings,
                    StatusCode::GATEWAY_TIMEOUT,
                    &status,
                ))
            }
            _ => {
                let forward = Forward::of(reason, self.is_variant);
                self.pass(forward, reason.map(giotto_cache::Reason::name))
                    .await
            }
        }
    }

    /// There is nothing for a request with `only-if-cached` (RFC 9111, 5.2.1.7).
    fn not_cached(&self) -> Response<Body<R>> {
        let status = CacheStatus::passed(Forward::Request, Some("only-if-cached"));
        respond::own(&self.settings, StatusCode::GATEWAY_TIMEOUT, &status)
    }

    /// An entry that the layer has not written: it is removed, so that the next request finds none.
    async fn unreadable(&mut self, key: &Key) -> Answered<R, S::Error> {
        let removed = self.settings.cache.remove(key).await;
        tracing::debug!(?removed, "an entry is no response");
        self.pass(Forward::UriMiss, Some("undecodable")).await
    }

    /// Sends this caller's own request, or waits for the response if it is sent already.
    async fn pass(
        &mut self,
        forward: Forward,
        detail: Option<&'static str>,
    ) -> Answered<R, S::Error> {
        let Some(pending) = self.cell.take() else {
            let reply = self.replies.next().await;
            return match reply {
                Some(reply) => self.replied(reply),
                // The service behind has panicked.
                None => {
                    let status = CacheStatus::passed(forward, Some("panicked"));
                    let failed = StatusCode::INTERNAL_SERVER_ERROR;
                    Ok(respond::own(&self.settings, failed, &status))
                }
            };
        };
        let mut service = pending.service;
        let response = service.call(pending.request).await?.map(Body::passed);
        let status = CacheStatus::passed(forward, detail);
        Ok(respond::passed(&self.settings, response, &status))
    }

    fn replied(&self, reply: Reply<R, S::Error>) -> Answered<R, S::Error> {
        let Reply { result, status, .. } = reply;
        Ok(respond::forwarded(
            &self.settings,
            self.wanted(),
            result?,
            &status,
        ))
    }

    /// The stored response, unless it is not for this caller: the engine may fall back on one that was refused.
    async fn stored(&mut self, head: Head, answer: Answer) -> Answered<R, S::Error> {
        if !self.demand.is_for(head.note) {
            return match self.replies.take_held() {
                Some(reply) => self.replied(reply),
                None if self.demand.only_if_cached() => Ok(self.not_cached()),
                None => self.pass(Forward::Bypass, Some("credentials")).await,
            };
        }
        let mut status = CacheStatus::answered(&answer, self.is_variant);
        let mut own = HeaderMap::new();
        if answer.status == Status::Stale(Staleness::Failed) {
            let held = self.replies.held();
            let failed = held.and_then(|held| held.result.as_ref().ok());
            status.forward_status = failed.map(Response::status);
        } else if let Some(held) = self.replies.held() {
            // This caller's own request has revalidated it, and may have brought what is for this caller alone.
            status = held.status.clone();
            if let (Ok(response), Some(StatusCode::NOT_MODIFIED)) =
                (&held.result, status.forward_status)
            {
                own = rfc::withheld_fields(response.headers());
            }
        }
        let moment = Moment::of(head.note, &answer, self.settings.cache.now_ms());
        let wanted = self.wanted();
        let mut response = respond::stored(&self.settings, wanted, head, answer, &status, moment);
        response.headers_mut().extend(own);
        Ok(response)
    }

    /// Whether the next request of this key may be for all: the last one had credentials, and its response was for it alone.
    fn may_share(&self, error: &Error) -> bool {
        let why = error.computed::<Uncached>();
        matches!(why, Some(Uncached::Refused))
            && self.replies.held().is_none()
            && self.cell.is_full()
            && !credentials::has_any(&self.asked.headers)
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            method: &self.asked.method,
            fields: &self.asked.headers,
        }
    }
}
