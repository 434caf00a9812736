//! One request of HTTP, from its head and body to a response.
//!
//! The first and the last step of an invocation over HTTP. `head.rs`, `input.rs` and `body.rs` have the details of the
//! first, `output.rs` and `failure.rs` those of the last.

use std::borrow::Cow;

use http::request::Parts;
use http::{Method, Response};

#[cfg(any(feature = "axum", feature = "static"))]
use super::beside;
use super::coding;
use super::conditional::{Conditions, compared};
use super::failure;
use super::head::{Fields, controller};
use super::health;
use super::input;
use super::mount::Service;
use super::output::{Body, Outcome, allow};
use super::problem::Problem;
#[cfg(feature = "session")]
use super::session;
use crate::app::Begun;
use crate::error::{Error, ErrorKind, Result};
use crate::page::Page;
use crate::request::{Asked, Controller, HTTP_GET, HTTP_POST, Pairs, Recorded, Request, Segments};
#[cfg(feature = "session")]
use crate::session::{Carried, Slot};

/// How far the answer to a request has come.
enum Step<'r> {
    /// To its end: a plain hit, for example.
    Done(Outcome),
    /// The page of a GET has to be waited for. Boxed, because a plain hit would copy it.
    Page(Box<Unfinished<'r>>),
    /// The body of a POST has to be read.
    Body(Fields<'r>),
}

/// A GET whose page is not there yet.
struct Unfinished<'r> {
    request: Request<'r>,
    begun: Begun<'r>,
    conditions: Option<Box<Conditions<'r>>>,
}

impl Service {
    /// Answers one request, whose path has no base.
    #[inline]
    pub(super) async fn answer_inside<B>(&self, head: &mut Parts, body: B) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
    {
        // Boxed, so that the future of a plain hit stays small.
        #[cfg(feature = "axum")]
        if let Some(layered) = self.layered() {
            return Box::pin(beside::inside(layered, self, head, body)).await;
        }
        #[cfg(any(feature = "axum", feature = "static"))]
        if self.app().beside.answers() && self.is_beside(head) {
            return Box::pin(beside::answer(self, head, body)).await;
        }
        #[cfg(feature = "session")]
        let slot = self.app().given_sessions().map(Slot::new);
        let outcome = {
            #[cfg(feature = "session")]
            let carried = || Carried::of(slot.as_ref());
            let begun = self.begin(
                head,
                #[cfg(feature = "session")]
                carried(),
            );
            match begun {
                Ok(Step::Done(outcome)) => Ok(outcome),
                Err(problem) => Err(problem),
                // Boxed, so that the future of a plain hit stays small.
                Ok(step) => {
                    let finished = self.finish(
                        step,
                        head,
                        body,
                        #[cfg(feature = "session")]
                        carried(),
                    );
                    Box::pin(finished).await
                }
            }
        };
        #[cfg_attr(
            not(feature = "session"),
            expect(unused_mut, reason = "a session changes it")
        )]
        let mut response = match outcome {
            Ok(outcome) => outcome.into_response(&mut head.headers),
            Err(problem) => self.without_page(problem, head),
        };
        #[cfg(feature = "session")]
        session::keep(slot.as_ref(), &head.method, &mut response);
        response
    }

    /// The response where there is no page: that of the error, or the health of the process.
    fn without_page(&self, problem: Problem, head: &Parts) -> Response<Body> {
        let is_unknown =
            matches!(&problem, Problem::Invocation(error) if *error.kind() == ErrorKind::NoProgram);
        let health = is_unknown.then(|| health::public(self.app(), head));
        health
            .flatten()
            .unwrap_or_else(|| failure::response(problem, head, self.app(), self.shows_errors()))
    }

    /// Whether the manifest does not know the path of `head`.
    #[cfg(any(feature = "axum", feature = "static"))]
    fn is_beside(&self, head: &Parts) -> bool {
        if self.app().manifest().knows_first(head.uri.path()) {
            return false;
        }
        let mut path = Segments::new();
        let is_path = input::segments(head.uri.path(), &mut path, |_| None).is_ok();
        // `*` is that of OPTIONS for the whole server.
        is_path && head.uri.path() != "*" && !self.app().manifest().knows(&path)
    }

    /// Reads the head, within limits.
    pub(super) fn read_head<'r>(&self, head: &'r Parts) -> Result<Fields<'r>, Problem> {
        let fields = Fields::read(&head.headers);
        fields.check_size(&head.uri)?;
        if self.wants_host() {
            fields.check_host(head.version, &head.uri)?;
        }
        Ok(fields)
    }

    /// Begins to answer: all that a plain hit needs. It is no future, because the state of one would be felt in every hit.
    fn begin<'r>(
        &'r self,
        head: &'r Parts,
        #[cfg(feature = "session")] carried: Carried<'r>,
    ) -> Result<Step<'r>, Problem> {
        let mut fields = self.read_head(head)?;
        let Some(controller) = controller(&head.method) else {
            return self.other_method(head).map(Step::Done);
        };
        // The body of a GET has no meaning (RFC 9110, 9.3.1).
        if controller == HTTP_POST {
            return Ok(Step::Body(fields));
        }
        let mut request = self.request(
            head,
            &mut fields,
            controller,
            #[cfg(feature = "session")]
            carried,
        );
        self.read_address(head, &mut request)?;
        let conditions = fields.conditions;
        let begun = match self.app().begin(&mut request) {
            Ok(begun) => begun,
            Err(error) => return Err(self.app().in_words(error, &request).into()),
        };
        match begun {
            Begun::Page(page) if !coding::is_negotiated(self.app(), &page) => {
                compared(page, conditions.as_deref(), &head.method).map(Step::Done)
            }
            begun => Ok(Step::Page(Box::new(Unfinished {
                request,
                begun,
                conditions,
            }))),
        }
    }

    /// The request with this `head`, without its address; what the client accepts is taken from its `fields`.
    #[inline(always)] // A call would copy the request.
    pub(super) fn request<'r>(
        &'r self,
        head: &'r Parts,
        fields: &mut Fields<'r>,
        controller: Controller,
        #[cfg(feature = "session")] carried: Carried<'r>,
    ) -> Request<'r> {
        let known = fields.known();
        let takes_coded = coding::takes_stored(self.app(), &head.headers, known.as_slice());
        Request {
            path: Segments::new(),
            data: Pairs::new(),
            accept: std::mem::take(&mut fields.accept),
            controller,
            is_form: false,
            mode: self.app().mode,
            takes_stale: true,
            takes_coded,
            is_admitted: false,
            metadata: Recorded::new(&head.headers),
            asked: Asked {
                own: None,
                by: self.trusted_proxies(head),
            },
            #[cfg(feature = "session")]
            session: carried,
        }
    }

    /// The outcome, once what the `step` waits for is there.
    async fn finish<B>(
        &self,
        step: Step<'_>,
        head: &Parts,
        body: B,
        #[cfg(feature = "session")] carried: Carried<'_>,
    ) -> Result<Outcome, Problem>
    where
        B: http_body::Body,
    {
        match step {
            Step::Done(outcome) => Ok(outcome),
            Step::Page(unfinished) => {
                let Unfinished {
                    mut request,
                    begun,
                    conditions,
                } = *unfinished;
                match self.app().finish(begun, &mut request).await {
                    Ok(page) => self.negotiated(page, conditions.as_deref(), head).await,
                    Err(error) => Err(self.app().in_words(error, &request).into()),
                }
            }
            Step::Body(fields) => {
                let posted = self.posted(
                    fields,
                    head,
                    body,
                    #[cfg(feature = "session")]
                    carried,
                );
                posted.await
            }
        }
    }

    /// The outcome of a GET with this `page`, whose content coding may have to be chosen.
    async fn negotiated(
        &self,
        mut page: Page,
        conditions: Option<&Conditions<'_>>,
        head: &Parts,
    ) -> Result<Outcome, Problem> {
        if coding::is_negotiated(self.app(), &page) {
            let known = conditions.and_then(Conditions::known);
            coding::negotiate(self.app(), &head.headers, known.as_slice(), &mut page).await?;
        }
        compared(page, conditions, &head.method)
    }

    /// Reads the address into `request`.
    pub(super) fn read_address<'r>(
        &self,
        head: &'r Parts,
        request: &mut Request<'r>,
    ) -> Result<(), Problem> {
        let (manifest, controller) = (self.app().manifest(), request.controller);
        let parameter = |before: &[Cow<'_, str>]| manifest.parameter_after(before, controller);
        input::segments(head.uri.path(), &mut request.path, parameter)?;
        input::pairs(head.uri.query().unwrap_or_default(), &mut request.data)?;
        Ok(())
    }

    /// Answers OPTIONS, and refuses methods that no program answers.
    fn other_method(&self, head: &Parts) -> Result<Outcome, Problem> {
        let mut path = Segments::new();
        input::segments(head.uri.path(), &mut path, |_| None)?;
        let find = |controller| self.app().manifest().find(&path, controller);
        let allowed = match (find(HTTP_GET), find(HTTP_POST)) {
            (Ok(_), Ok(_)) => vec!["GET", "HEAD", "POST"],
            (Ok(_), Err(_)) => vec!["GET", "HEAD"],
            (Err(_), Ok(_)) => vec!["POST"],
            (Err(_), Err(_)) if head.method == Method::OPTIONS && head.uri.path() == "*" => {
                vec!["GET", "HEAD", "POST"]
            }
            (Err(error), Err(_)) => return Err(error.into()),
        };
        if head.method == Method::OPTIONS {
            return Ok(Outcome::Options(allow(&allowed)));
        }
        let message = format!("{} is not allowed here", head.method);
        Err(Error::new(ErrorKind::WrongController(allowed), message).into())
    }
}
