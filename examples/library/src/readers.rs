//! The readers: joining, signing in and out.

use giotto::auth::{hash_password, verify_password};
use giotto::prelude::*;
use rusqlite::OptionalExtension;

use crate::store::Library;

pub(crate) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS readers (
        name TEXT PRIMARY KEY COLLATE NOCASE, password TEXT NOT NULL,
        card TEXT NOT NULL -- a number that only the reader may see
    ) WITHOUT ROWID;";

/// The reader who looks after the books: its password is a setting.
pub(crate) const ADMIN: &str = "admin";
/// The password of the admin, if there is one.
#[derive(Debug)]
pub(crate) struct AdminPassword(pub(crate) Option<String>);

const SHORTEST_PASSWORD: usize = 12;
const LONGEST_NAME: usize = 40;

pub(crate) fn add_to(manifest: Manifest) -> Manifest {
    let form = |name: &'static str| {
        let shown = Program::new(|form: Form| form).controllers([HTTP_GET]);
        shown.view(View::new().html(template(name)))
    };
    let joins = Program::new(join)
        .controllers([HTTP_POST])
        .view(View::new());
    let signs_in = Program::new(sign_in)
        .controllers([HTTP_POST])
        .view(View::new());
    let signs_out = Program::new(sign_out)
        .controllers([HTTP_POST])
        .view(View::new());
    manifest
        .with("join", [form("join.html"), joins])
        .with("sign-in", [form("sign-in.html"), signs_in])
        .with("sign-out", [form("sign-out.html"), signs_out])
}

/// What a form has before it is filled in. `next` is where the reader was going.
#[derive(Serialize, Deserialize)]
struct Form {
    next: Option<String>,
    lang: Option<String>,
}

/// Asks a reader who has not signed in to do so, and comes back to where they were going. For middleware.
pub(crate) fn must_be_signed_in(request: &mut Request<'_>) -> Result<(), Error> {
    if request.controller() == CMD || request.session()?.user().is_some() {
        return Ok(());
    }
    let next = format!("/{}", request.path().join("/"));
    match is_own_path(&next) {
        true => Err(Redirection::to(format!("/sign-in?next={next}")).into()),
        false => Err(Redirection::to("/sign-in").into()),
    }
}

/// Whether `path` is a plain path of this application, and no address of another one.
fn is_own_path(path: &str) -> bool {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/-".contains(character);
    path.starts_with('/') && !path.starts_with("//") && path.chars().all(is_plain)
}

/// Makes a new reader, who has signed in.
#[model]
async fn join(
    name: String,
    password: String,
    next: Option<String>,
    #[default("en")] lang: String,
    session: Session,
    library: State<Library>,
    app: App,
) -> Result<Redirection, Error> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    InvalidInput::new()
        .require(
            (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.contains(char::is_control),
            "name",
            &name,
            "a name has 1 to 40 characters",
        )
        .require(
            password.chars().count() >= SHORTEST_PASSWORD,
            "password",
            "",
            "a password has at least 12 characters",
        )
        .into_result()?;
    let (joined, hash) = (name.clone(), hash_password(password).await?);
    let is_new = library
        .run(move |library| library.join(&joined, &hash))
        .await?;
    if !is_new {
        return Err(InvalidInput::new()
            .field("name", name, "this name is taken")
            .into());
    }
    session.sign_in(name)?;
    onwards(next, &lang, &app)
}

/// Signs a reader in.
#[model]
async fn sign_in(
    name: String,
    password: String,
    next: Option<String>,
    #[default("en")] lang: String,
    session: Session,
    library: State<Library>,
    admin: State<AdminPassword>,
    app: App,
) -> Result<Redirection, Error> {
    let asked = name.trim().to_owned();
    let found = match (asked.as_str(), &admin.0) {
        (ADMIN, Some(password)) => Some((asked, hash_password(password.clone()).await?)),
        (ADMIN, None) => None,
        _ => library.run(move |library| library.reader(&asked)).await?,
    };
    let hash = found.as_ref().map(|(_, hash)| hash.as_str());
    let is_right = verify_password(password, hash).await?;
    let Some((name, _)) = found.filter(|_| is_right) else {
        let words = "this is not the name and the password of a reader";
        return Err(InvalidInput::new().field("password", "", words).into());
    };
    session.sign_in(name)?;
    onwards(next, &lang, &app)
}

/// Where a reader goes after signing in.
fn onwards(next: Option<String>, lang: &str, app: &App) -> Result<Redirection, Error> {
    match next.filter(|next| is_own_path(next)) {
        Some(next) => Ok(Redirection::to(format!("{next}?lang={lang}"))),
        None => Ok(Redirection::to(app.url_for("loans", [("lang", lang)])?)),
    }
}

/// Signs the reader out.
#[model]
fn sign_out(
    #[default("en")] lang: String,
    session: Session,
    app: App,
) -> Result<Redirection, Error> {
    session.sign_out();
    Ok(Redirection::to(app.url_for("", [("lang", lang)])?))
}

impl Library {
    /// Makes `name` a reader, unless there is one of that name.
    fn join(&self, name: &str, password: &str) -> Result<bool, Error> {
        let sql = "INSERT OR IGNORE INTO readers (name, password, card) VALUES (?1, ?2, lower(hex(randomblob(16))))";
        Ok(!name.eq_ignore_ascii_case(ADMIN)
            && self.connection()?.execute(sql, [name, password])? > 0)
    }

    /// The name as the reader writes it, and the hash of the password.
    fn reader(&self, name: &str) -> Result<Option<(String, String)>, Error> {
        let sql = "SELECT name, password FROM readers WHERE name = ?1";
        let reader = self
            .connection()?
            .query_row(sql, [name], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(reader.optional()?)
    }

    /// The number on the card of a reader.
    pub(crate) fn card(&self, reader: &str) -> Result<Option<String>, Error> {
        let sql = "SELECT card FROM readers WHERE name = ?1";
        Ok(self
            .connection()?
            .query_row(sql, [reader], |row| row.get(0))
            .optional()?)
    }
}
