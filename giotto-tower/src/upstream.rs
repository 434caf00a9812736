//! One request to the service behind, and what becomes of its response.
//!
//! The computation of a lookup, in a task of the engine, which a disconnecting client does not cancel. The response leaves for
//! its own caller as soon as its head is there, by a channel of that caller's own: nothing that may not be shared ever passes
//! through the engine. What may be stored is collected meanwhile (`tee.rs`) and returned to the engine.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use giotto_cache::{CacheControl, Computed, Key, Lookup, Metadata, Reason};
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode, request, response};
use tokio::sync::oneshot;
use tower_service::Service;

use crate::body::{Body, BoxError};
use crate::cache_status::{CacheStatus, Forward};
use crate::control::{self, Said};
use crate::credentials;
use crate::key;
use crate::rfc::{self, Terms};
use crate::settings::Settings;
use crate::stored::{Head, Marker, Note, Stored};
use crate::tee::{self, Incomplete};

/// How long a marker is valid, at least.
const MARKER: Duration = Duration::from_secs(3_600);
/// For how long the fields of a marker count among those of the next one, in milliseconds.
const REMEMBERED_MS: u64 = 3_600_000;
/// The field by which what a handler says is judged (RFC 9213).
const TARGETED: HeaderName = HeaderName::from_static("cdn-cache-control");

/// Why a response is not stored under the key of the variant that its request selects.
const VARIES_BY_MORE: &str = "varies-by-more";

/// A request that has not been sent: the service that is ready for it, and where its response goes.
pub(crate) struct Pending<S, B, R, E> {
    pub(crate) service: S,
    pub(crate) request: Request<B>,
    pub(crate) reply: oneshot::Sender<Reply<R, E>>,
}

/// A request that is sent once, by whoever takes it first.
pub(crate) struct Cell<S, B, R, E>(Arc<Mutex<Option<Pending<S, B, R, E>>>>);

/// A response for its own caller alone.
pub(crate) struct Reply<R, E> {
    pub(crate) result: Result<Response<Body<R>>, E>,
    pub(crate) status: CacheStatus,
    /// Whether the caller takes it in any case. Otherwise the service behind has failed, and a stored response may be served
    /// in its place.
    pub(crate) is_final: bool,
}

/// For which key a response is computed.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) primary: Key,
    /// The marker of the variant whose key it is; `None` = the primary key itself.
    pub(crate) marker: Option<Marker>,
}

/// Why there is nothing to store and nothing to share.
#[derive(Debug)]
pub(crate) enum Uncached {
    /// The service behind has failed, or answered that it has.
    Failed,
    /// The response to a request with credentials must not be stored.
    Refused,
    /// Another computation has sent the request.
    Sent,
}

/// What a computation knows.
pub(crate) struct Upstream {
    pub(crate) settings: Arc<Settings>,
    /// The request as it came in.
    pub(crate) asked: Arc<request::Parts>,
    pub(crate) place: Place,
    pub(crate) control: CacheControl,
}

/// What is stored, and is to be revalidated.
struct Old {
    head: Head,
    body: Bytes,
}

impl<S, B, R, E> Cell<S, B, R, E> {
    pub(crate) fn new(pending: Pending<S, B, R, E>) -> Self {
        Self(Arc::new(Mutex::new(Some(pending))))
    }

    pub(crate) fn take(&self) -> Option<Pending<S, B, R, E>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether the request is still to be sent.
    pub(crate) fn is_full(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }
}

impl<S, B, R, E> Clone for Cell<S, B, R, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl Upstream {
    /// Sends the request, hands the response to its caller, and returns what may be stored.
    pub(crate) async fn compute<S, B, R>(
        self,
        cell: Cell<S, B, R, S::Error>,
    ) -> Result<Computed, Uncached>
    where
        S: Service<Request<B>, Response = Response<R>>,
        R: http_body::Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let Pending {
            mut service,
            mut request,
            reply,
        } = cell.take().ok_or(Uncached::Sent)?;
        let old = self.old();
        let handler = control::CacheControl::new(self.control.is_refresh(), self.control.old_age());
        self.prepare(&mut request, old.as_ref(), &handler);
        let sent_ms = self.settings.cache.now_ms();
        let response = service.call(request).await;
        drop(service);
        let response = match response {
            Ok(response) => response,
            Err(error) => {
                let status = self.status(None);
                let _ = reply.send(Reply::otherwise(Err(error), status));
                return Err(Uncached::Failed);
            }
        };
        let reply = Replier(reply);
        let has_old = self.control.old_value().is_some();
        match (response.status(), old) {
            (StatusCode::NOT_MODIFIED, Some(old)) => {
                self.revalidated(old, response.headers(), &handler.said(), sent_ms, reply)
            }
            (status, _) if has_old && rfc::stale_on_error(status) => {
                reply.send(response.map(Body::passed), self.status(None), false);
                Err(Uncached::Failed)
            }
            _ => {
                self.received(response, &handler.said(), sent_ms, reply)
                    .await
            }
        }
    }

    /// The stored response that the service behind may say is still valid.
    fn old(&self) -> Option<Old> {
        let metadata = self.control.old_metadata()?;
        match Stored::read(&metadata)? {
            Stored::Response(head) => Some(Old {
                head,
                body: self.control.old_value()?,
            }),
            Stored::Marker(_) => None,
        }
    }

    /// The client's own conditions are left out: what the service behind returns is to be stored, and only a whole response can
    /// be. They are evaluated afterwards. Where the last response could not be stored, they are passed on as they are: the
    /// client then gets its 304 without a body on the way.
    fn prepare<B>(
        &self,
        request: &mut Request<B>,
        old: Option<&Old>,
        handler: &control::CacheControl,
    ) {
        let is_unlikely = matches!(
            self.control.reason(),
            Some(Reason::NotStorable | Reason::TooLarge)
        );
        if old.is_some() || !is_unlikely {
            rfc::without_conditions(request.headers_mut());
        }
        if let Some(old) = old {
            rfc::add_validators(request.headers_mut(), &old.head.fields);
        }
        request.extensions_mut().insert(handler.clone());
    }

    /// A whole response: stored if it may be, and passed on in any case.
    async fn received<R, E>(
        &self,
        response: Response<R>,
        said: &Said,
        sent_ms: u64,
        reply: Replier<R, E>,
    ) -> Result<Computed, Uncached>
    where
        R: http_body::Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let (parts, body) = response.into_parts();
        let limit = self.settings.cache.max_entry();
        let length = content_length(&parts.headers).or(body.size_hint().exact());
        let drafted = self.draft(parts.status, &parts.headers, said, sent_ms);
        let draft = match drafted {
            _ if length.is_some_and(|length| length > limit as u64) => {
                Err(Incomplete::TooLarge.name())
            }
            Ok(mut draft) => {
                draft.tags.extend(self.own_tags(&parts));
                Ok(draft)
            }
            Err(refused) => Err(refused),
        };
        let draft = match draft {
            Ok(draft) => draft,
            Err(why) => {
                let is_error = parts.status.is_server_error();
                let response = Response::from_parts(parts, Body::passed(body));
                reply.send(response, self.status(Some(why)), true);
                if why == VARIES_BY_MORE {
                    self.expire_marker().await;
                }
                return match is_error {
                    true => Err(Uncached::Failed),
                    false => self.refused(),
                };
            }
        };
        let mut status = self.status(None);
        status.is_stored = true;
        let collected = if body.is_end_stream() {
            reply.send(Response::from_parts(parts, Body::empty()), status, true);
            Ok(Bytes::new())
        } else {
            let (collector, teed) = tee::tee(body, content_length(&parts.headers));
            reply.send(Response::from_parts(parts, Body::teed(teed)), status, true);
            collector.collect(limit).await
        };
        match collected {
            Ok(body) => Ok(self.store(draft, body).await),
            Err(why) => {
                tracing::debug!(why = why.name(), "a response is not stored");
                match why {
                    Incomplete::Failed => Err(Uncached::Failed),
                    _ => Ok(self.not_stored()),
                }
            }
        }
    }

    /// The service behind says that the old response is still valid (RFC 9111, 4.3.4).
    fn revalidated<R, E>(
        &self,
        old: Old,
        fields: &HeaderMap,
        said: &Said,
        sent_ms: u64,
        reply: Replier<R, E>,
    ) -> Result<Computed, Uncached> {
        let mut status = self.status(None);
        status.forward_status = Some(StatusCode::NOT_MODIFIED);
        let Old { head, body } = old;
        let mut response = Response::new(Body::stored(body));
        *response.status_mut() = head.status;
        let Some(mut merged) = rfc::merge(head.fields.clone(), fields) else {
            // It has another validator than the one that was sent. That was found valid, and what is stored must not be updated
            // by it (RFC 9111, 4.3.4): it is removed, so that the next request asks for a whole response.
            *response.headers_mut() = head.fields;
            reply.send(response, status, true);
            return Ok(self.not_stored());
        };
        rfc::date_or(&mut merged, self.settings.cache.now_ms());
        response.headers_mut().clone_from(&merged);
        let draft = self.draft(head.status, &merged, said, sent_ms);
        // A response that varies since now is fetched whole the next time.
        let is_stored_here =
            |draft: &Draft| self.place.marker.is_some() || draft.terms.vary.is_empty();
        let stored = draft.ok().filter(is_stored_here);
        let Some(draft) = stored else {
            reply.send(response, status, true);
            return self.refused();
        };
        status.is_stored = true;
        reply.send(response, status, false);
        draft.direct(&self.control, &self.settings);
        Ok(Computed::Revalidated(draft.metadata))
    }

    /// What is stored of a response with this head, before its body is there; or why nothing is.
    fn draft(
        &self,
        status: StatusCode,
        fields: &HeaderMap,
        said: &Said,
        sent_ms: u64,
    ) -> Result<Draft, &'static str> {
        if said.no_store {
            return Err("no-store");
        }
        let now_ms = self.settings.cache.now_ms();
        let targeted = said.ttl.map(|ttl| targeted(fields, ttl, said));
        let judged = targeted.as_ref().unwrap_or(fields);
        let rules = &self.settings.rules;
        let terms = rfc::judge(&self.asked, status, judged, rules, sent_ms, now_ms);
        let terms = terms.map_err(rfc::Refusal::as_str)?;
        let marker = self.place.marker.as_ref();
        if marker.is_some_and(|marker| !marker.covers(&terms.vary)) {
            return Err(VARIES_BY_MORE);
        }
        let mut stored = rfc::stored_fields(fields);
        rfc::date_or(&mut stored, now_ms);
        let head = Head {
            status,
            fields: stored,
            note: Note {
                initial_age: terms.initial_age,
                may_be_stale: terms.may_be_stale,
                shared_with_authorization: terms.shared_with_authorization,
                without_cookies: terms.without_cookies,
            },
        };
        let mut tags = rfc::tags(fields);
        tags.extend_from_slice(&said.tags);
        Ok(Draft {
            metadata: head.write().or(Err("head-too-large"))?,
            terms,
            tags,
        })
    }

    fn own_tags(&self, response: &response::Parts) -> Vec<String> {
        let tags = self.settings.tags.as_ref();
        tags.map(|tags| tags(&self.asked, response))
            .unwrap_or_default()
    }

    /// What is stored under the key of this computation: the response, or a marker of what it varies by. Then the response is
    /// stored first, under the key of its variant.
    async fn store(&self, draft: Draft, body: Bytes) -> Computed {
        let vary = &draft.terms.vary;
        let older = self.older_marker();
        if self.place.marker.is_some() || (vary.is_empty() && older.is_none()) {
            draft.direct(&self.control, &self.settings);
            return Computed::Described(body, draft.metadata);
        }
        let marker = Marker::new(vary, older.as_ref(), self.settings.cache.now_ms());
        let variant = key::variant(&self.place.primary, &marker, &self.asked.headers);
        let (Some(variant), Ok(metadata)) = (variant, marker.write()) else {
            return self.not_stored();
        };
        draft.direct_marker(&self.control, &self.settings);
        self.store_variant(variant, draft, body).await;
        Computed::Described(Bytes::new(), metadata)
    }

    /// The marker does not tell apart what was received. The next request finds it old, and its fields count then as well.
    async fn expire_marker(&self) {
        let expired = self.settings.cache.expire(&self.place.primary).await;
        tracing::debug!(?expired, "a response varies by more than the ones before");
    }

    /// The marker that was under the primary key, if its fields are to count among those of the next one. Otherwise two
    /// responses that vary by different fields would replace each other's markers for ever.
    fn older_marker(&self) -> Option<Marker> {
        let now_ms = self.settings.cache.now_ms();
        match Stored::read(&self.control.old_metadata()?)? {
            Stored::Marker(marker) => {
                let is_young = now_ms.saturating_sub(marker.since_ms) < REMEMBERED_MS;
                is_young.then_some(marker)
            }
            Stored::Response(_) => None,
        }
    }

    /// Stores a response that no other lookup can ask for before its marker is stored, which happens only if nothing that it
    /// depends on was invalidated since the request was sent.
    async fn store_variant(&self, key: Key, draft: Draft, body: Bytes) {
        let settings = Arc::clone(&self.settings);
        let lookup = Lookup::new(key, settings.policy.without_lease());
        let stored = self
            .settings
            .cache
            .answer(lookup, |control| async move {
                draft.direct(&control, &settings);
                Ok::<_, Uncached>(Computed::Described(body, draft.metadata))
            })
            .await;
        if let Err(error) = stored {
            tracing::debug!(%error, "a variant is not stored");
        }
    }

    /// The response must not be stored. One to a request with credentials says nothing about others: what is stored for them
    /// stays, and they go on sharing one request.
    fn refused(&self) -> Result<Computed, Uncached> {
        match credentials::has_any(&self.asked.headers) {
            true => {
                let now_ms = self.settings.cache.now_ms();
                self.settings.refused.note(&self.place.primary, now_ms);
                Err(Uncached::Refused)
            }
            false => Ok(self.not_stored()),
        }
    }

    /// Nothing is stored, and other callers send their own requests.
    fn not_stored(&self) -> Computed {
        self.control.no_store();
        Computed::Page(Bytes::new())
    }

    /// The cache status of a response from the service behind; `why` it is not stored.
    fn status(&self, why: Option<&'static str>) -> CacheStatus {
        let reason = self.control.reason();
        let forward = Forward::of(reason, self.place.marker.is_some());
        CacheStatus::passed(forward, why.or(reason.map(Reason::name)))
    }
}

/// What is stored of a response, without its body.
struct Draft {
    metadata: Metadata,
    terms: Terms,
    tags: Vec<String>,
}

impl Draft {
    /// Tells the engine how long the response lives.
    fn direct(&self, control: &CacheControl, settings: &Settings) {
        match self.terms.fresh.is_zero() {
            true => control.no_cache(),
            false => control.ttl(self.terms.fresh),
        }
        control.stale_while_revalidate(self.terms.stale_while_revalidate);
        control.stale_if_error(self.terms.stale_if_error);
        control.keep(match self.terms.has_validator {
            true => settings.keep(),
            false => Duration::ZERO,
        });
        control.tags(self.tags.iter().cloned());
    }

    /// Tells the engine how long its marker lives: at least as long as the response may be used. If something that the response
    /// depends on is invalidated, the marker is served stale for as long as the response would be.
    fn direct_marker(&self, control: &CacheControl, settings: &Settings) {
        let terms = &self.terms;
        let stale = terms.stale_while_revalidate.max(terms.stale_if_error);
        let life = terms
            .fresh
            .saturating_add(stale)
            .saturating_add(settings.keep());
        control.ttl(life.max(MARKER));
        control.stale_while_revalidate(terms.stale_while_revalidate);
        control.stale_if_error(terms.stale_if_error);
        control.keep(settings.keep());
        control.tags(self.tags.iter().cloned());
    }
}

/// The fields of a response whose handler has said how long it lives in this cache.
fn targeted(fields: &HeaderMap, ttl: Duration, said: &Said) -> HeaderMap {
    let mut text = format!("max-age={}", ttl.as_secs().max(1));
    let times = [
        ("stale-while-revalidate", said.stale_while_revalidate),
        ("stale-if-error", said.stale_if_error),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            text.push_str(&format!(", {name}={}", time.as_secs()));
        }
    }
    let mut fields = fields.clone();
    if let Ok(value) = HeaderValue::try_from(text) {
        fields.insert(TARGETED, value);
    }
    fields
}

fn content_length(fields: &HeaderMap) -> Option<u64> {
    fields.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The way to the caller whose request was sent.
struct Replier<R, E>(oneshot::Sender<Reply<R, E>>);

impl<R, E> Replier<R, E> {
    fn send(self, response: Response<Body<R>>, status: CacheStatus, is_final: bool) {
        // A caller that has left, or that has been served an older response, wants none.
        let _ = self.0.send(Reply {
            result: Ok(response),
            status,
            is_final,
        });
    }
}

impl<R, E> Reply<R, E> {
    const fn otherwise(result: Result<Response<Body<R>>, E>, status: CacheStatus) -> Self {
        Self {
            result,
            status,
            is_final: false,
        }
    }
}

impl fmt::Display for Uncached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "the service behind failed",
            Self::Refused => "the response is for one caller",
            Self::Sent => "the request was already sent",
        })
    }
}

impl std::error::Error for Uncached {}
