//! A POST: its body, its preconditions, and the form that is shown again if it is refused.
//!
//! The step of a request over HTTP at which the others have a page.

use http::request::Parts;

use super::body;
use super::conditional::{Conditions, Selected, failed};
use super::head::Fields;
use super::mount::Service;
use super::output::Outcome;
use super::problem::Problem;
#[cfg(feature = "session")]
use super::session;
use crate::error::Result;
use crate::request::{HTTP_GET, HTTP_POST, Pairs, Request};
#[cfg(feature = "session")]
use crate::session::Carried;

impl Service {
    /// Reads the body of a POST, and answers it.
    pub(super) async fn posted<B>(
        &self,
        mut fields: Fields<'_>,
        head: &Parts,
        body: B,
        #[cfg(feature = "session")] carried: Carried<'_>,
    ) -> Result<Outcome, Problem>
    where
        B: http_body::Body,
    {
        let posted;
        let mut request = self.request(
            head,
            &mut fields,
            HTTP_POST,
            #[cfg(feature = "session")]
            carried,
        );
        self.read_address(head, &mut request)?;
        // An unknown path is the error to tell, whatever is wrong with the body.
        self.app().manifest().find(&request.path, HTTP_POST)?;
        let conditions = fields.conditions.as_deref();
        let target = conditions.and_then(|conditions| target(&request, conditions));
        posted = body::read(&head.headers, body).await?;
        let address = request.data.clone();
        request.is_form = body::posted_data(&head.headers, &posted, &mut request.data)?;
        #[cfg(feature = "session")]
        session::check(self.app(), &head.headers, &mut request, address.len())?;
        self.post(request, address, target).await
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
            Ok(asked) => self.app().answer(asked, &mut admitted).await,
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
