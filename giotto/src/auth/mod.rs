//! Signing in: middleware that asks who the reader is, and hashes of passwords (`password.rs`).
//!
//! Before step 3 of an invocation. A reader signs in with [`Session::sign_in`](crate::Session::sign_in).
//!
//! ```
//! use giotto::auth::{authenticated_or_redirect, authentication_middleware};
//! use giotto::prelude::*;
//!
//! #[model]
//! fn list_loans(user: String) -> Vec<String> {
//!     vec![format!("a book of {user}")]
//! }
//!
//! let loans = Program::new(list_loans)
//!     .cache(60) // each user has a page
//!     .input_middleware(authenticated_or_redirect("/sign-in"))
//!     .input_middleware(authentication_middleware("user"))
//!     .view(BasicView::new());
//! ```
//!
//! On the command line nobody signs in: the operator gives the user as an argument, and no middleware of this module refuses.

mod password;

pub use self::password::{hash_password, verify_password};
use crate::error::{Error, Redirection, Result};
use crate::request::{CMD, HTTP_POST, Request};

/// Sets `parameter` to the user who has signed in, or to nothing, whatever the client gave. It is an argument then, so the
/// pages of a program with a cache are one for each user. A parameter of type `Option<String>` is `None` for a reader who has
/// not signed in; a `String` needs [`authenticated_or_redirect`] or [`authenticated_or_die`] before it.
pub fn authentication_middleware(
    parameter: &'static str,
) -> impl Fn(&mut Request<'_>) -> Result<()> + Clone + Send + Sync + 'static {
    move |request| {
        if request.controller() == CMD {
            return Ok(());
        }
        match request.session()?.user() {
            Some(user) => request.set(parameter, user),
            None => request.set_none(parameter),
        }
        Ok(())
    }
}

/// Refuses a reader who has not signed in, with HTTP 403.
///
/// # Errors
///
/// The refusal.
pub fn authenticated_or_die(request: &mut Request<'_>) -> Result<()> {
    match is_signed_in(request)? {
        Some(false) => Err(Error::not_authorized("sign in first")),
        _ => Ok(()),
    }
}

/// Refuses a reader who has signed in, with HTTP 403.
///
/// # Errors
///
/// The refusal.
pub fn not_authenticated_or_die(request: &mut Request<'_>) -> Result<()> {
    match is_signed_in(request)? {
        Some(true) => Err(Error::not_authorized("sign out first")),
        _ => Ok(()),
    }
}

/// Sends a reader who has not signed in to `location`.
pub fn authenticated_or_redirect(
    location: impl Into<String>,
) -> impl Fn(&mut Request<'_>) -> Result<()> + Clone + Send + Sync + 'static {
    redirect_if(false, location.into())
}

/// Sends a reader who has signed in to `location`.
pub fn not_authenticated_or_redirect(
    location: impl Into<String>,
) -> impl Fn(&mut Request<'_>) -> Result<()> + Clone + Send + Sync + 'static {
    redirect_if(true, location.into())
}

/// Signs the reader out, for a program that answers [`HTTP_POST`]: with GET, any other site could do it.
///
/// # Errors
///
/// If the request is not a POST.
pub fn logout_middleware(request: &mut Request<'_>) -> Result<()> {
    match request.controller() {
        CMD => Ok(()),
        HTTP_POST => {
            request.session()?.sign_out();
            Ok(())
        }
        _ => Err(Error::configuration(
            "logout_middleware is for a program that answers http-post alone: any other site could sign readers out by GET",
        )),
    }
}

fn redirect_if(
    signed_in: bool,
    location: String,
) -> impl Fn(&mut Request<'_>) -> Result<()> + Clone + Send + Sync + 'static {
    move |request| match is_signed_in(request)? == Some(signed_in) {
        true => Err(Redirection::to(location.clone()).into()),
        false => Ok(()),
    }
}

/// Whether the reader has signed in; `None` on the command line.
fn is_signed_in(request: &Request<'_>) -> Result<Option<bool>> {
    match request.controller() {
        CMD => Ok(None),
        _ => Ok(Some(request.session()?.user().is_some())),
    }
}
