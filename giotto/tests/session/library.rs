//! The application that the tests ask.

use giotto::auth::{
    authenticated_or_die, authenticated_or_redirect, authentication_middleware, logout_middleware,
    not_authenticated_or_die, not_authenticated_or_redirect,
};
use giotto::prelude::*;
use giotto::view::Rendering;
use giotto::{Flash, Request};

use crate::Nothing;

/// Shows the session: the user, the books in the cart, and how many messages wait.
#[model]
fn whoami(session: Session) -> (Option<String>, Vec<u32>) {
    (session.user(), session.get("cart").unwrap_or_default())
}

#[model]
fn put(book: u32, session: Session) -> Result<Redirection, Error> {
    let mut cart: Vec<u32> = session.get("cart").unwrap_or_default();
    cart.push(book);
    session.set("cart", cart)?;
    session.flash("info", format!("book {book} is in your cart"))?;
    Ok(Redirection::to("/form"))
}

#[model]
async fn sign_in(user: String, session: Session) -> Result<Redirection, Error> {
    session.sign_in(user)?;
    Ok(Redirection::to("/whoami"))
}

#[model]
fn sign_out(session: Session) -> Redirection {
    session.sign_out();
    Redirection::to("/form")
}

#[model]
fn fail(session: Session) -> Result<i64, Error> {
    session.sign_in("mallory")?;
    Err(Error::other("it fails"))
}

#[model]
fn keep(text: String, session: Session) -> Result<usize, Error> {
    session.set("text", &text)?;
    Ok(text.len())
}

#[model]
fn account(user: String) -> String {
    format!("the account of {user}, whose number is {}", number(&user))
}

/// What no other reader may see.
pub(crate) fn number(user: &str) -> u32 {
    user.bytes().fold(7, |number, byte| {
        number.wrapping_mul(31).wrapping_add(byte.into())
    })
}

#[model]
fn greeting(user: Option<String>) -> String {
    match user {
        Some(user) => format!("hello {user}, {}", number(&user)),
        None => "hello reader".to_owned(),
    }
}

fn form(_: &(), rendering: &Rendering) -> Result<String, Error> {
    let flashes = rendering.flashes()?;
    let flashes: Vec<_> = flashes
        .iter()
        .map(|Flash { kind, text }| format!("<p class={kind}>{text}</p>"))
        .collect();
    Ok(format!(
        "{}<form method=post>{}</form>",
        flashes.concat(),
        rendering.csrf_field()?
    ))
}

/// Reads the session, and sets nothing by it.
fn reads(request: &mut Request<'_>) -> Result<(), Error> {
    request.session().map(|session| drop(session.user()))
}

pub(crate) fn manifest() -> Manifest {
    let nothing = || Program::new(|_: Nothing| ());
    let over = |program: Program| program.controllers([HTTP_POST]);
    let redirecting = || View::new();
    let html = || View::new().html(form);
    let plain = || {
        View::new()
            .html(|text: &String| text.clone())
            .json(|text: &String| text.clone())
    };
    Manifest::new([
        ("form", nothing().view(html())),
        ("whoami", Program::new(whoami).view(BasicView::new())),
        ("put", over(Program::new(put).view(redirecting()))),
        ("sign-in", over(Program::new(sign_in).view(redirecting()))),
        (
            "fail",
            Program::new(fail)
                .controllers([HTTP_POST])
                .view(BasicView::new()),
        ),
        (
            "keep",
            Program::new(keep)
                .controllers([HTTP_POST])
                .csrf(false)
                .view(BasicView::new()),
        ),
        (
            "account",
            Program::new(account)
                .cache(3600)
                .input_middleware(authenticated_or_redirect("/form"))
                .input_middleware(authentication_middleware("user"))
                .view(plain()),
        ),
        (
            "greeting",
            Program::new(greeting)
                .cache(3600)
                .input_middleware(authentication_middleware("user"))
                .view(plain()),
        ),
        (
            "public",
            Program::new(|_: Nothing| "the same for all".to_owned())
                .cache(3600)
                .view(plain()),
        ),
        (
            "kept-by-browsers",
            Program::new(|_: Nothing| "the same".to_owned())
                .cache(3600)
                .max_age(60)
                .input_middleware(reads)
                .view(plain()),
        ),
        ("wrong", nothing().cache(3600).view(html())),
        (
            "members",
            nothing()
                .input_middleware(authenticated_or_die)
                .view(View::new().html(|(): &()| "members")),
        ),
        (
            "strangers",
            nothing()
                .input_middleware(not_authenticated_or_die)
                .view(View::new().html(|(): &()| "strangers")),
        ),
        (
            "welcome",
            nothing()
                .input_middleware(not_authenticated_or_redirect("/whoami"))
                .view(View::new().html(|(): &()| "welcome")),
        ),
        (
            "logout",
            nothing()
                .input_middleware(logout_middleware)
                .view(View::new().html(|(): &()| "bye")),
        ),
    ])
    .with(
        "sign-out",
        Program::new(sign_out)
            .controllers([HTTP_POST])
            .view(View::new().html(|(): &()| "")),
    )
}
