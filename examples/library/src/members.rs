//! The readers: joining, signing in and out, and the pages of one reader.

use giotto::auth::{
    authenticated_or_redirect, authentication_middleware, hash_password, verify_password,
};
use giotto::prelude::*;
use giotto::{Redirection, Session};

use crate::store::Library;

pub(crate) fn add_to(manifest: Manifest) -> Manifest {
    let own = || authenticated_or_redirect("/sign_in");
    let form = |name: &'static str| {
        Program::new(|_: Nothing| Blank {})
            .controllers([HTTP_GET])
            .view(View::new().html(template(name)))
    };
    let mine = Program::new(list_loans)
        .controllers([HTTP_GET, CMD])
        .input_middleware(own())
        .input_middleware(authentication_middleware("user"))
        .cache(3600)
        .tags(|args| [format!("reader:{}", args.user)])
        .view(BasicView::new().html(template("mine.html")));
    let account = Program::new(show_account)
        .controllers([HTTP_GET])
        .input_middleware(own())
        .view(View::new().html(template("account.html")));
    let joins = Program::new(join)
        .controllers([HTTP_POST])
        .secret(["password"])
        .view(View::new());
    let signs_in = Program::new(sign_in)
        .controllers([HTTP_POST])
        .secret(["password"])
        .view(View::new());
    let signs_out = Program::new(sign_out)
        .controllers([HTTP_POST])
        .view(View::new());
    manifest
        .with("mine", mine)
        .with("account", account)
        .with("join", [form("join.html"), joins])
        .with("sign_in", [form("sign_in.html"), signs_in])
        .with("sign_out", signs_out)
}

#[derive(Serialize, Deserialize)]
struct Nothing {}

/// What a form shows before it is filled in.
#[derive(Serialize)]
struct Blank {}

#[derive(Serialize)]
struct Loans {
    reader: String,
    titles: Vec<String>,
}

/// Lists what a reader has borrowed.
#[model]
fn list_loans(
    /// The reader.
    user: String,
    library: State<Library>,
) -> Result<Loans, Error> {
    let titles = library.loans(&user)?;
    Ok(Loans {
        reader: format!("Reader {user}"),
        titles,
    })
}

#[derive(Serialize)]
struct Account {
    reader: String,
    card: String,
    messages: Vec<String>,
}

/// Shows the card of the reader who has signed in, and what happened last.
#[model]
fn show_account(session: Session, library: State<Library>) -> Result<Account, Error> {
    let user = session
        .user()
        .ok_or_else(|| Error::not_authorized("sign in first"))?;
    let card = library.card(&user)?;
    let messages = session.flashes().into_iter().map(|message| message.text);
    Ok(Account {
        reader: format!("Reader {user}"),
        card: card.unwrap_or_default(),
        messages: messages.collect(),
    })
}

/// Makes a new member of the library, who has signed in.
#[model]
async fn join(
    name: String,
    password: String,
    session: Session,
    library: State<Library>,
) -> Result<Redirection, Error> {
    InvalidInput::new()
        .require(
            !name.trim().is_empty(),
            "name",
            &name,
            "please give your name",
        )
        .require(
            password.chars().count() >= 12,
            "password",
            "",
            "a password has at least twelve characters",
        )
        .into_result()?;
    let hash = hash_password(password).await?;
    if !library.join(&name, &hash)? {
        return Err(InvalidInput::new().field("name", name, "is taken").into());
    }
    session.sign_in(name)?;
    session.flash("info", "Welcome to the library.")?;
    Ok(Redirection::to("/account"))
}

/// Signs a reader in.
#[model]
async fn sign_in(
    name: String,
    password: String,
    session: Session,
    library: State<Library>,
) -> Result<Redirection, Error> {
    let member = library.member(&name)?;
    let hash = member.as_ref().map(|member| member.password.as_str());
    match verify_password(password, hash).await? {
        true => {
            session.sign_in(name)?;
            session.flash("info", "You have signed in.")?;
            Ok(Redirection::to("/account"))
        }
        false => Err(InvalidInput::new()
            .field("password", "", "is not the password of this reader")
            .into()),
    }
}

/// Signs the reader out.
#[model]
fn sign_out(session: Session) -> Result<Redirection, Error> {
    session.sign_out();
    Ok(Redirection::to("/"))
}
