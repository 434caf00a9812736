//! What a request asks for: a program, its arguments, a media type.
//!
//! Steps 2 to 4 of an invocation, and the lookup that step 5 makes of them.

use std::sync::Arc;

use giotto_cache::{Lookup, Policy};

use crate::arguments::Arguments;
use crate::error::Result;
use crate::manifest::{Found, Manifest};
use crate::mime::Mime;
use crate::negotiate;
use crate::program::Program;
use crate::request::Request;
use crate::site::Site;
use crate::state::States;
use crate::varies::Negotiated;

/// A request that has passed the input middleware of its program.
pub(crate) struct Asked<'m> {
    pub(crate) program: &'m Arc<Program>,
    pub(crate) args: Arguments,
    pub(crate) mime: Mime,
    /// What of the request chose the media type.
    pub(crate) negotiated: Negotiated,
}

/// Finds the program that `request` asks for.
#[inline(always)]
pub(crate) fn find<'m>(manifest: &'m Manifest, request: &mut Request<'_>) -> Result<Found<'m>> {
    let found = manifest.find(&request.path, request.controller)?;
    found.program.collect(found.consumed, request);
    found.program.check_names(request)?;
    Ok(found)
}

impl<'m> Asked<'m> {
    /// Binds the arguments of `request` to the parameters of the program that was `found` for it, whose input middleware has
    /// run.
    #[inline(always)]
    pub(crate) fn of(found: &Found<'m>, request: &Request<'_>) -> Result<Self> {
        let program = found.program;
        let args = program.bind(found.consumed, request)?;
        let mime = chosen(found, request)?;
        Ok(Self {
            program,
            args,
            mime,
            negotiated: negotiated(found),
        })
    }

    /// The same for a form that is shown again because its input was refused. Arguments that the program does not take are
    /// ignored: they were those of another program. So are those that it refuses, if it can do without them.
    pub(crate) async fn again(
        manifest: &'m Manifest,
        request: &mut Request<'_>,
        states: &States,
    ) -> Result<Self> {
        let found = manifest.find(&request.path, request.controller)?;
        let program = found.program;
        program.collect(found.consumed, request);
        program.admit(request, states).await?;
        let mime = chosen(&found, request)?;
        let args = match program.bind(found.consumed, request) {
            Ok(args) => args,
            Err(error) => {
                program.leave_out(error.invalid_input(), request);
                program.admit(request, states).await?;
                program.bind(found.consumed, request)?
            }
        };
        Ok(Self {
            program,
            args,
            mime,
            negotiated: negotiated(&found),
        })
    }

    /// What `request` asks the cache for, in an application at `site`.
    pub(crate) fn lookup(
        &self,
        policy: &Policy,
        request: &Request<'_>,
        site: &Site,
    ) -> Result<Lookup> {
        let Arguments { typed, canonical } = &self.args;
        let tags = self.program.tags_of(typed)?;
        let canonical = canonical.clone();
        Ok(lookup(
            self.program,
            policy,
            tags,
            canonical,
            &self.mime,
            request,
            site,
        ))
    }
}

fn chosen(found: &Found<'_>, request: &Request<'_>) -> Result<Mime> {
    let superformat = found.superformat.as_deref();
    negotiate::choose(superformat, &request.accept, found.program.mimes())
}

fn negotiated(found: &Found<'_>) -> Negotiated {
    match found.superformat {
        Some(_) => Negotiated::Nothing,
        None => found.program.negotiated(),
    }
}

/// What `request` asks the cache for, in an application at `site`. It takes the text of the arguments because a hit clones nothing.
// Every hit makes one: a call would copy it.
#[inline(always)]
pub(crate) fn lookup(
    program: &Program,
    policy: &Policy,
    tags: Vec<String>,
    canonical: String,
    mime: &Mime,
    request: &Request<'_>,
    site: &Site,
) -> Lookup {
    Lookup::new(site.key(program.key(canonical, mime)), *policy)
        .tags(tags)
        .mode(request.mode)
        .allow_own_time(program.sets_time())
        .accept_coded(request.takes_coded && program.may_be_coded(mime))
        .wait_for_fresh(!request.takes_stale)
        .admit(request.is_admitted)
}
