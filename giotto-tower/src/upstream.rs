//! One request to the service behind, and what becomes of its response.
//!
//! The computation of a lookup, in a task of the engine, which a disconnecting client does not cancel. The response leaves for
//! its own caller as soon as its head is there, by a channel of that caller's own (`exchange.rs`): nothing that may not be
//! shared ever passes through the engine. What may be stored (`draft.rs`) is collected meanwhile (`tee.rs`), and returned to
//! the engine (`place.rs`).

use std::sync::Arc;

use bytes::Bytes;
use giotto_cache::{CacheControl, Computed, Reason};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request, Response, StatusCode, request, response};
use tower_service::Service;

use crate::body::{Body, BoxError};
use crate::cache_status::{CacheStatus, Forward};
use crate::control::{self, Said};
use crate::credentials;
use crate::draft::{Draft, Question};
use crate::exchange::{Cell, Pending, Replier, Uncached};
use crate::place::Place;
use crate::rfc;
use crate::settings::Settings;
use crate::stored::{Head, Stored};
use crate::tee::{self, Incomplete};

/// Why a response is not stored under the key of the variant that its request selects.
const VARIES_BY_MORE: &str = "varies-by-more";

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

/// What the handler has said of its response, and when its request was sent.
struct Context {
    said: Said,
    sent_ms: u64,
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
        let Some(Pending {
            mut service,
            mut request,
            replier,
        }) = cell.take()
        else {
            // No failure: nobody is to be served a stale response for it.
            return Ok(Computed::declined(Uncached::Sent));
        };
        let (old, handler) = (self.old(), self.handler());
        self.prepare(request.headers_mut(), old.as_ref());
        request.extensions_mut().insert(handler.clone());
        let sent_ms = self.settings.cache.now_ms();
        let response = service.call(request).await;
        drop(service);
        let said = handler.said();
        let context = Context { said, sent_ms };
        let has_old = self.control.old_value().is_some();
        match (response, old) {
            (Err(error), _) => self.failed(Err(error), replier),
            (Ok(response), Some(old)) if response.status() == StatusCode::NOT_MODIFIED => {
                self.revalidated(old, response.headers(), &context, replier)
            }
            (Ok(response), _) if has_old && rfc::stale_on_error(response.status()) => {
                self.failed(Ok(response.map(Body::passed)), replier)
            }
            (Ok(response), _) => self.received(response, &context, replier).await,
        }
    }

    /// The service behind has failed: its caller gets `result` unless an older response is served in its place.
    fn failed<R, E>(
        &self,
        result: Result<Response<Body<R>>, E>,
        replier: Replier<R, E>,
    ) -> Result<Computed, Uncached> {
        replier.hold(result, self.status(None));
        Err(Uncached::Failed)
    }

    /// What the handler of the request sees of this computation.
    fn handler(&self) -> control::CacheControl {
        let (is_refresh, old_age) = (self.control.is_refresh(), self.control.old_age());
        control::CacheControl::new(is_refresh, old_age)
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
    fn prepare(&self, fields: &mut HeaderMap, old: Option<&Old>) {
        let reason = self.control.reason();
        let is_unlikely = matches!(reason, Some(Reason::NotStorable | Reason::TooLarge));
        if old.is_some() || !is_unlikely {
            rfc::without_conditions(fields);
        }
        if let Some(old) = old {
            rfc::add_validators(fields, &old.head.fields);
        }
    }

    /// A whole response: stored if it may be, and passed on in any case.
    async fn received<R, E>(
        &self,
        response: Response<R>,
        context: &Context,
        replier: Replier<R, E>,
    ) -> Result<Computed, Uncached>
    where
        R: http_body::Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let (parts, body) = response.into_parts();
        let length = content_length(&parts.headers);
        let limit = self.settings.cache.max_entry();
        let is_too_large = length.or(body.size_hint().exact()) > Some(limit as u64);
        let draft = match self.draft(&parts, context) {
            Ok(_) if is_too_large => Err(Incomplete::TooLarge.name()),
            draft => draft,
        };
        let draft = match draft {
            Ok(draft) => draft,
            Err(why) => {
                let status = parts.status;
                let response = Response::from_parts(parts, Body::passed(body));
                replier.send(response, self.status(Some(why)));
                return self.passed(status, why).await;
            }
        };
        let mut status = self.status(None);
        status.is_stored = true;
        if body.is_end_stream() {
            replier.send(Response::from_parts(parts, Body::empty()), status);
            return Ok(self.store(draft, Bytes::new()).await);
        }
        let (collector, teed) = tee::tee(body, length);
        replier.send(Response::from_parts(parts, Body::teed(teed)), status);
        match collector.collect(limit).await {
            Ok(body) => Ok(self.store(draft, body).await),
            Err(why) => self.incomplete(why),
        }
    }

    /// The body was not collected. Its caller gets all that comes of it.
    fn incomplete(&self, why: Incomplete) -> Result<Computed, Uncached> {
        tracing::debug!(why = why.name(), "a response is not stored");
        match why {
            Incomplete::Failed => Err(Uncached::Failed),
            _ => Ok(self.not_stored()),
        }
    }

    /// The service behind says that the old response is still valid (RFC 9111, 4.3.4).
    fn revalidated<R, E>(
        &self,
        old: Old,
        fields: &HeaderMap,
        context: &Context,
        replier: Replier<R, E>,
    ) -> Result<Computed, Uncached> {
        let mut status = self.status(None);
        status.forward_status = Some(StatusCode::NOT_MODIFIED);
        let Old { head, body } = old;
        let mut response = Response::new(Body::stored(body));
        *response.status_mut() = head.status;
        let Some(merged) = rfc::merge(head.fields.clone(), fields) else {
            // It has another validator than the one that was sent. That was found valid, and what is stored must not be updated
            // by it: it is removed, so that the next request asks for a whole response.
            *response.headers_mut() = head.fields;
            replier.send(response, status);
            return Ok(self.not_stored());
        };
        *response.headers_mut() = merged;
        rfc::date_or(response.headers_mut(), self.settings.cache.now_ms());
        let (parts, body) = response.into_parts();
        let draft = self.draft(&parts, context);
        let response = Response::from_parts(parts, body);
        let now_ms = self.settings.cache.now_ms();
        // One that varies since now is fetched whole the next time.
        let is_stored = |draft: &Draft| self.place.has_response(draft, &self.control, now_ms);
        match draft.ok().filter(is_stored) {
            Some(draft) => {
                status.is_stored = true;
                replier.hold(Ok(response), status);
                draft.direct(&self.control, &self.settings);
                Ok(Computed::Revalidated(draft.metadata))
            }
            None => {
                replier.send(response, status);
                Ok(self.refused())
            }
        }
    }

    /// What is stored of a response with this head under the key of this computation; or why nothing is.
    fn draft(&self, response: &response::Parts, context: &Context) -> Result<Draft, &'static str> {
        let question = Question {
            settings: &self.settings,
            asked: &self.asked,
            said: &context.said,
            sent_ms: context.sent_ms,
        };
        let draft = Draft::of(&question, response)?;
        match self.place.tells_apart(&draft) {
            true => Ok(draft),
            false => Err(VARIES_BY_MORE),
        }
    }

    async fn store(&self, draft: Draft, body: Bytes) -> Computed {
        let fields = &self.asked.headers;
        let (place, settings) = (&self.place, &self.settings);
        let stored = place.store(settings, &self.control, fields, draft, body);
        stored.await.unwrap_or_else(|| self.not_stored())
    }

    /// A response with this status was passed on to its caller, because of `why` it is not stored.
    async fn passed(&self, status: StatusCode, why: &'static str) -> Result<Computed, Uncached> {
        if why == VARIES_BY_MORE {
            self.place.expire_marker(&self.settings).await;
        }
        match status.is_server_error() {
            true => Err(Uncached::Failed),
            false => Ok(self.refused()),
        }
    }

    /// The response must not be stored. One to a request with credentials says nothing about others: what is stored for them
    /// stays, and they go on sharing one request.
    fn refused(&self) -> Computed {
        match credentials::has_any(&self.asked.headers) {
            true => {
                let now_ms = self.settings.cache.now_ms();
                self.settings.refused.note(&self.place.primary, now_ms);
                Computed::declined(Uncached::Refused)
            }
            false => self.not_stored(),
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

fn content_length(fields: &HeaderMap) -> Option<u64> {
    fields.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
