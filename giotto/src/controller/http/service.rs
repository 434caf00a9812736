//! One request of HTTP, from its head and body to a response.
//!
//! The first and the last step of an invocation over HTTP. `head.rs`, `input.rs` and `body.rs` have the details of the
//! first, `output.rs` and `failure.rs` those of the last.

use std::borrow::Cow;

use http::request::Parts;
use http::{Method, Response};

#[cfg(any(feature = "axum", feature = "static"))]
use super::beside;
use super::body;
use super::coding;
use super::conditional::{Conditions, Selected, compared, failed};
use super::failure;
use super::head::{Fields, controller};
use super::health;
use super::input;
use super::mount::Service;
use super::output::{Body, Outcome, allow};
use super::problem::Problem;
#[cfg(feature = "session")]
use super::session;
use crate::error::{Error, ErrorKind, Result};
use crate::page::Page;
use crate::request::{HTTP_GET, HTTP_POST, Pairs, Recorded, Request, Segments};
#[cfg(feature = "session")]
use crate::session::{Carried, Slot};

impl Service {
    /// Answers one request. Every failure is a response, too.
    pub(crate) async fn answer<B>(&self, head: &mut Parts, body: B) -> Response<Body>
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
        let outcome = self.outcome(
            head,
            body,
            #[cfg(feature = "session")]
            Carried::of(slot.as_ref()),
        );
        #[cfg_attr(
            not(feature = "session"),
            expect(unused_mut, reason = "a session changes it")
        )]
        let mut response = match outcome.await {
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

    async fn outcome<B>(
        &self,
        head: &Parts,
        body: B,
        #[cfg(feature = "session")] carried: Carried<'_>,
    ) -> Result<Outcome, Problem>
    where
        B: http_body::Body,
    {
        let fields = self.read_head(head)?;
        let Some(controller) = controller(&head.method) else {
            return self.other_method(head);
        };
        let posted;
        let known = fields.known();
        let takes_coded = coding::takes_stored(self.app(), &head.headers, known.as_slice());
        let mut request = Request {
            path: Segments::new(),
            data: Pairs::new(),
            accept: fields.accept,
            controller,
            is_form: false,
            mode: self.app().mode,
            takes_stale: true,
            takes_coded,
            is_admitted: false,
            metadata: Recorded::new(&head.headers),
            #[cfg(feature = "session")]
            session: carried,
        };
        self.read_address(head, &mut request)?;
        let conditions = fields.conditions.as_deref();
        // The body of a GET has no meaning (RFC 9110, 9.3.1).
        if controller == HTTP_POST {
            // An unknown path is the error to tell, whatever is wrong with the body.
            self.app().manifest().find(&request.path, HTTP_POST)?;
            let target = conditions.and_then(|conditions| target(&request, conditions));
            posted = Box::pin(body::read(&head.headers, body)).await?;
            let address = request.data.clone();
            request.is_form = body::posted_data(&head.headers, &posted, &mut request.data)?;
            #[cfg(feature = "session")]
            session::check(self.app(), &head.headers, &mut request, address.len())?;
            return Box::pin(self.post(request, address, target)).await;
        }
        let page = match self.app().invoke(&mut request).await {
            Ok(page) => page,
            Err(error) => return Err(self.app().in_words(error, &request).into()),
        };
        if coding::is_negotiated(self.app(), &page) {
            // Boxed with the page, so that the future of a plain hit stays small.
            return Box::pin(self.negotiated(page, conditions, head)).await;
        }
        compared(page, conditions, &head.method)
    }

    async fn negotiated(
        &self,
        mut page: Page,
        conditions: Option<&Conditions<'_>>,
        head: &Parts,
    ) -> Result<Outcome, Problem> {
        let known = conditions.and_then(Conditions::known);
        coding::negotiate(self.app(), &head.headers, known.as_slice(), &mut page).await?;
        compared(page, conditions, &head.method)
    }

    /// Reads the address into `request`.
    fn read_address<'r>(&self, head: &'r Parts, request: &mut Request<'r>) -> Result<(), Problem> {
        let (manifest, controller) = (self.app().manifest(), request.controller);
        let parameter = |before: &[Cow<'_, str>]| manifest.parameter_after(before, controller);
        input::segments(head.uri.path(), &mut request.path, parameter)?;
        input::pairs(head.uri.query().unwrap_or_default(), &mut request.data)?;
        Ok(())
    }

    /// Answers a POST to an `address` with these arguments. Its preconditions, if it has some, are about the page that GET has
    /// at the same `target`.
    async fn post<'r>(
        &self,
        request: Request<'r>,
        address: Pairs<'r>,
        target: Option<(Box<Request<'_>>, &Conditions<'_>)>,
    ) -> Result<Outcome, Problem> {
        let mut admitted = request.clone();
        let asked = self.app().asked(&mut admitted).await;
        // What refuses the request without its preconditions, refuses it with them (RFC 9110, 13.2.1).
        if asked.is_ok()
            && let Some((target, conditions)) = target
            && !self.may_write(*target, conditions).await?
        {
            return Err(failed());
        }
        let answer = match asked {
            Ok(asked) => self.app().answer(asked, &admitted).await,
            Err(error) => Err(error),
        };
        let error = match answer {
            Ok(page) => return Ok(Outcome::Page(page)),
            Err(error) => self.app().in_words(error, &admitted),
        };
        let refused = error.invalid_input();
        if refused.is_empty() {
            return Err(error.into());
        }
        let shown = self.app().invoke_refused(request, address, refused);
        match shown.await {
            // As JSON, the error itself names the fields.
            Ok(page) if page.mime().essence() != "application/json" => Ok(Outcome::Refused(page)),
            _ => Err(error.into()),
        }
    }

    /// Whether `conditions` hold for the page of `target`. An old page that is served because there is no fresh one is not
    /// known to be the one that there is now.
    async fn may_write(
        &self,
        mut target: Request<'_>,
        conditions: &Conditions<'_>,
    ) -> Result<bool> {
        // The client sees nothing of this page, and so has not seen the messages on it.
        #[cfg(feature = "session")]
        target.detach_session();
        let current = match self.app().invoke(&mut target).await {
            Ok(page) if page.is_stale() => return Ok(false),
            Ok(page) => Some(page),
            Err(error) if error.is_answer() => None,
            Err(error) => return Err(error),
        };
        let selected = current.as_ref().map(Selected::page);
        Ok(conditions.allow_writing(selected.as_ref()))
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

/// A request that writes as a GET, which waits for the fresh page, if its `conditions` are about that.
fn target<'r, 'c>(
    request: &Request<'r>,
    conditions: &'c Conditions<'c>,
) -> Option<(Box<Request<'r>>, &'c Conditions<'c>)> {
    let target = conditions.concern_writing().then(|| Request {
        controller: HTTP_GET,
        takes_stale: false,
        // Its entity tag without a coding stands for those of all codings.
        takes_coded: false,
        ..request.clone()
    });
    Some((Box::new(target?), conditions))
}
