//! The forms of a page, as a browser understands its HTML.

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{HtmlString, StartTag, Token, Tokenizer};

use super::address::resolve;
use super::form::{Control, Form, Kind, Method};

/// The forms of the page `html`, which is at `address`.
#[track_caller]
pub(super) fn forms(html: &str, address: &str) -> Vec<Form> {
    // The text of a script or a text area is no markup.
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut reader = Reader {
        address,
        forms: Vec::new(),
        is_inside: false,
        select: None,
        collected: None,
    };
    for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
        match token {
            Token::StartTag(tag) => reader.start(&tag),
            Token::EndTag(tag) => reader.end(&tag.name),
            Token::String(text) => {
                if let Some(collected) = &mut reader.collected {
                    collected.text.push_str(&String::from_utf8_lossy(&text));
                }
            }
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    reader.forms
}

struct Reader<'r> {
    address: &'r str,
    forms: Vec<Form>,
    /// Whether the last form is not closed.
    is_inside: bool,
    select: Option<Select>,
    /// The text area or the option whose text is being read.
    collected: Option<Collected>,
}

struct Select {
    name: String,
    is_one: bool,
    /// How many controls the form had before.
    first: usize,
}

struct Collected {
    name: String,
    value: Option<String>,
    text: String,
    kind: Kind,
}

impl Reader<'_> {
    fn start(&mut self, tag: &StartTag<()>) {
        let name = attribute(tag, "name").filter(|name| !name.is_empty());
        match &**tag.name {
            b"form" => self.begin(tag),
            _ if !self.is_inside || attribute(tag, "disabled").is_some() => {}
            b"select" => {
                self.select = name.map(|name| Select {
                    name,
                    is_one: attribute(tag, "multiple").is_none(),
                    first: self.controls().len(),
                });
            }
            b"option" => self.option(tag),
            b"textarea" => {
                self.collected = name.map(|name| Collected {
                    name,
                    value: None,
                    text: String::new(),
                    kind: Kind::Typed,
                });
            }
            b"input" | b"button" => {
                if let Some(name) = name {
                    self.input(tag, name);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, tag: &StartTag<()>) {
        let is = |name: &str, value: &str| {
            attribute(tag, name).is_some_and(|own| own.eq_ignore_ascii_case(value))
        };
        let method = match is("method", "post") {
            true if is("enctype", "multipart/form-data") => Method::PostMultipart,
            true => Method::Post,
            false => Method::Get,
        };
        let action = attribute(tag, "action").unwrap_or_default();
        self.forms
            .push(Form::new(resolve(self.address, &action), method));
        self.is_inside = true;
    }

    fn input(&mut self, tag: &StartTag<()>, name: String) {
        let value = attribute(tag, "value");
        let is_checked = attribute(tag, "checked").is_some();
        let usual = if **tag.name == *b"button" {
            "submit"
        } else {
            "text"
        };
        let shown = attribute(tag, "type").map(|text| text.to_ascii_lowercase());
        let offered = |is_chosen, is_one| Kind::Offered { is_chosen, is_one };
        let (value, kind) = match shown.as_deref().unwrap_or(usual) {
            "checkbox" => (
                value.unwrap_or_else(|| "on".to_owned()),
                offered(is_checked, false),
            ),
            "radio" => (
                value.unwrap_or_else(|| "on".to_owned()),
                offered(is_checked, true),
            ),
            "submit" => (value.unwrap_or_default(), offered(false, true)),
            "button" | "reset" | "image" => return,
            "file" => (String::new(), Kind::File),
            _ => (value.unwrap_or_default(), Kind::Typed),
        };
        self.controls().push(Control { name, value, kind });
    }

    fn option(&mut self, tag: &StartTag<()>) {
        self.finish();
        let Some(select) = &self.select else { return };
        let is_chosen = attribute(tag, "selected").is_some();
        let is_one = select.is_one;
        self.collected = Some(Collected {
            name: select.name.clone(),
            value: attribute(tag, "value"),
            text: String::new(),
            kind: Kind::Offered { is_chosen, is_one },
        });
    }

    fn end(&mut self, name: &HtmlString) {
        match &***name {
            b"option" | b"textarea" => self.finish(),
            b"select" => self.end_select(),
            b"form" => {
                self.finish();
                self.is_inside = false;
            }
            _ => {}
        }
    }

    /// A selection of one has its first option if none is chosen.
    fn end_select(&mut self) {
        self.finish();
        let Some(Select {
            first,
            is_one: true,
            ..
        }) = self.select.take()
        else {
            return;
        };
        let options = &mut self.controls()[first..];
        let is_chosen = |control: &Control| {
            matches!(
                control.kind,
                Kind::Offered {
                    is_chosen: true,
                    ..
                }
            )
        };
        if !options.iter().any(is_chosen)
            && let Some(option) = options.first_mut()
        {
            option.kind = Kind::Offered {
                is_chosen: true,
                is_one: true,
            };
        }
    }

    /// The text of a text area or an option is there as a whole.
    fn finish(&mut self) {
        let Some(Collected {
            name,
            value,
            text,
            kind,
        }) = self.collected.take()
        else {
            return;
        };
        let value = value.unwrap_or_else(|| match kind {
            Kind::Typed => text.strip_prefix('\n').unwrap_or(&text).to_owned(),
            _ => text.split_whitespace().collect::<Vec<_>>().join(" "),
        });
        self.controls().push(Control { name, value, kind });
    }

    fn controls(&mut self) -> &mut Vec<Control> {
        let form = self.forms.last_mut();
        form.expect("controls are read inside of a form").controls()
    }
}

/// The value of an attribute, which is empty if only its name is there.
fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value = tag.attributes.get(name.as_bytes())?;
    Some(String::from_utf8_lossy(value).into_owned())
}
