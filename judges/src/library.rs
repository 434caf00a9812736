//! A list as `BasicView` shows it, and a form by hand that keeps what was typed.

use std::fmt::Write as _;

use giotto::prelude::*;

#[derive(Serialize)]
pub(crate) struct Books {
    total: u32,
    page: u32,
    books: Vec<Book>,
}

#[derive(Serialize)]
struct Book {
    id: u32,
    title: &'static str,
    authors: Vec<&'static str>,
    year: i32,
    pages: u32,
    price: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<&'static str>,
    publisher: Publisher,
    summary: &'static str,
    available: bool,
}

#[derive(Serialize)]
struct Publisher {
    name: &'static str,
    city: &'static str,
}

fn book(id: u32, title: &'static str, author: &'static str, year: i32, pages: u32) -> Book {
    Book {
        id,
        title,
        authors: vec![author],
        year,
        pages,
        price: f64::from(pages) / 16.0,
        series: None,
        publisher: Publisher {
            name: "Fischer",
            city: "Berlin",
        },
        summary: "One paragraph.\nAnd a second one, <b>escaped</b>.",
        available: pages.is_multiple_of(2),
    }
}

/// A page of a catalogue.
#[model]
pub(crate) fn books(#[default(1)] page: u32) -> Books {
    let books = vec![
        book(7, "Der Zauberberg", "Thomas Mann", 1924, 1_008),
        Book {
            authors: vec!["Arkadi Strugazki", "Boris Strugazki"],
            series: Some("Welt des Mittags"),
            ..book(12, "Picknick am Wegesrand", "", 1972, 214)
        },
        book(1_204, "Effi Briest", "Theodor Fontane", 1896, 353),
        book(31, "紅樓夢", "曹雪芹", 1791, 2_339),
    ];
    Books {
        total: 3_000,
        page,
        books,
    }
}

/// A list without items.
#[model]
pub(crate) fn loans() -> Books {
    Books {
        total: 0,
        page: 1,
        books: Vec::new(),
    }
}

/// An address of e-mail. What a type refuses is told with all other fields, before the model runs.
#[derive(Serialize)]
pub(crate) struct Email(String);

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.contains('@') {
            true => Ok(Self(text)),
            false => Err(serde::de::Error::custom("an address has an @")),
        }
    }
}

/// A form that nobody has filled in.
#[model]
pub(crate) fn registration() -> &'static str {
    "Register as a reader"
}

/// A reader who registers.
#[derive(Serialize, Deserialize)]
pub(crate) struct Reader {
    email: Email,
    name: String,
    born: u16,
    card: u32,
    password: String,
    news: bool,
    interests: Vec<String>,
    note: Option<String>,
}

pub(crate) fn register(reader: Reader) -> Result<Redirection, InvalidInput> {
    let Reader {
        name,
        born,
        password,
        ..
    } = reader;
    InvalidInput::new()
        .require(!name.is_empty(), "name", &name, "please fill this in")
        .require(born < 2020, "born", born.to_string(), "readers are older")
        .require(
            password.len() >= 8,
            "password",
            "",
            "use eight characters or more",
        )
        .into_result()?;
    Ok(Redirection::to("/books"))
}

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:0 auto;padding:1.5rem 1rem 4rem}\
h1{font-size:1.75rem}label,legend{font-weight:600}p{margin:0 0 1.1rem}\
input:not([type=checkbox]),textarea{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem .6rem;\
border:1px solid #8889;border-radius:.4rem;background:#8881}[aria-invalid]{border-color:#d33!important}\
.wrong{display:block;color:light-dark(#a61b1b,#ff9c9c)}fieldset{border:1px solid #8889;border-radius:.4rem;margin:0 0 1.1rem}\
button{font:inherit;font-weight:600;padding:.5rem 1.2rem}";

/// The form, as an application writes one.
pub(crate) fn form(title: &&str, refused: &InvalidInput) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1><form method=\"post\">"
    );
    for (name, kind, label) in [
        ("email", "text", "E-mail"),
        ("name", "text", "Name"),
        ("born", "text", "Year of birth"),
        ("card", "text", "Number of your card"),
        ("password", "password", "Password"),
    ] {
        let value = escape_html(refused.value(name).unwrap_or_default());
        let (invalid, message) = wrong(name, refused);
        let _ = write!(
            page,
            "<p><label for=\"{name}\">{label}</label>\
             <input id=\"{name}\" name=\"{name}\" type=\"{kind}\" value=\"{value}\"{invalid}>{message}</p>"
        );
    }
    choices(&mut page, refused);
    page
}

/// The check boxes, and what comes after them.
fn choices(page: &mut String, refused: &InvalidInput) {
    page.push_str("<fieldset><legend>Interests</legend>");
    for topic in ["history", "poetry", "science"] {
        let checked = checked(
            refused
                .values("interests")
                .iter()
                .any(|given| given == topic),
        );
        let _ = write!(
            page,
            "<label><input type=\"checkbox\" name=\"interests\" value=\"{topic}\"{checked}> {topic}</label> "
        );
    }
    let news = checked(refused.value("news").is_some());
    let note = escape_html(refused.value("note").unwrap_or_default());
    let _ = write!(
        page,
        "</fieldset><p><label for=\"note\">Note</label><textarea id=\"note\" name=\"note\" rows=\"3\">\n{note}</textarea></p>\
         <p><label><input type=\"checkbox\" name=\"news\"{news}> Send me news</label></p>\
         <button id=\"send\">Register</button></form></html>"
    );
}

/// The attributes and the message of a field that is refused.
fn wrong(name: &str, refused: &InvalidInput) -> (String, String) {
    match refused.message(name) {
        None => Default::default(),
        Some(message) => (
            format!(" aria-invalid=\"true\" aria-describedby=\"{name}-wrong\""),
            format!(
                "<span class=\"wrong\" id=\"{name}-wrong\">{}</span>",
                escape_html(message)
            ),
        ),
    }
}

const fn checked(is_checked: bool) -> &'static str {
    match is_checked {
        true => " checked",
        false => "",
    }
}
