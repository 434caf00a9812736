//! The language of a page: an argument, so that a page has one language and one key.

use giotto::prelude::*;
use giotto::{Field, Refusal};

pub(crate) const LANGUAGES: [&str; 2] = ["en", "de"];

/// Sets the argument `lang`: to what the address says, `?lang=de`, or else to what the browser prefers.
pub(crate) fn choose(request: &mut Request<'_>) -> Result<(), Error> {
    let given = request.data().iter().find(|(name, _)| name == "lang");
    let given = given
        .and_then(|(_, value)| value.as_str())
        .unwrap_or_default();
    if !LANGUAGES.contains(&given) {
        request.set("lang", request.language(&LANGUAGES));
    }
    Ok(())
}

/// The German words for a field that is refused; `None` leaves it the English ones.
pub(crate) fn messages(language: &str, field: &Field) -> Option<String> {
    if language != "de" {
        return None;
    }
    Some(match (field.refusal(), field.message()) {
        (Refusal::Missing, _) => "Bitte ausfüllen".to_owned(),
        (Refusal::NotAnInteger, _) => "Bitte eine ganze Zahl eingeben".to_owned(),
        (Refusal::OutOfRange { least, most }, _) => {
            format!("Eine ganze Zahl von {least} bis {most}")
        }
        (Refusal::NotOneOf(_), _) => "Bitte auswählen".to_owned(),
        (_, message) => {
            let mut pairs = GERMAN.iter();
            pairs.find(|(english, _)| *english == message)?.1.to_owned()
        }
    })
}

/// What the models of this application say.
const GERMAN: [(&str, &str); 13] = [
    (
        "a name has 1 to 40 characters",
        "Ein Name hat 1 bis 40 Zeichen",
    ),
    (
        "a password has at least 12 characters",
        "Ein Passwort hat mindestens 12 Zeichen",
    ),
    ("this name is taken", "Diesen Namen gibt es schon"),
    (
        "this is not the name and the password of a reader",
        "Name und Passwort passen nicht zusammen",
    ),
    ("all copies are on loan", "Alle Exemplare sind verliehen"),
    (
        "choose one to five stars",
        "Bitte einen bis fünf Sterne auswählen",
    ),
    (
        "write 1 to 2,000 characters",
        "Bitte 1 bis 2.000 Zeichen schreiben",
    ),
    ("pages are counted from 1", "Seiten werden ab 1 gezählt"),
    (
        "a page has a book at least",
        "Eine Seite hat mindestens ein Buch",
    ),
    (
        "books were printed from 1450 on",
        "Bücher werden seit 1450 gedruckt",
    ),
    ("a book has pages", "Ein Buch hat Seiten"),
    (
        "the library has a copy at least",
        "Die Bibliothek hat mindestens ein Exemplar",
    ),
    (
        "write up to 200 characters",
        "Bitte bis zu 200 Zeichen schreiben",
    ),
];
