//! What a reader of the live page asks for: to find, to explain, and to change.
//!
//! Finding and explaining change nothing. What the programs under `mgt/cache/` do is left to them.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use giotto_cache::{Key, Place, acting};
use http::{HeaderMap, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Live, json as in_json};
use crate::app::App;
use crate::controller::http::Body;
use crate::error::{Error, Result};
use crate::management::{explain_key, management_over, tell_others};
use crate::request::{CMD, Controller, HTTP_POST, Request};

/// Where the programs of the operator are for this page: no request of a client has such a name.
const NAME: &str = "(live)";
/// How many pages are found at a time.
const MOST_PAGES: &str = "30";

/// The arguments of a program.
type Arguments = Vec<(&'static str, String)>;

/// Finds stored pages as `mgt/cache/list` does: `words=price sku=app*`, and `after=` where the last answer ended.
pub(in crate::admin) async fn find(app: App, query: Option<String>) -> Response<Body> {
    let [words, after] = ["words", "after"].map(|name| parameter(query.as_deref(), name));
    let mut arguments = invocation(&words.unwrap_or_default());
    arguments.push(("limit", MOST_PAGES.to_owned()));
    arguments.extend(after.map(|after| ("after", after)));
    answered(report(&app, "list", arguments).await)
}

/// Explains what the next request gets: `words=price sku=apple`, or the `key` of a stored page.
pub(in crate::admin) async fn explain(app: App, query: Option<String>) -> Response<Body> {
    let [words, key] = ["words", "key"].map(|name| parameter(query.as_deref(), name));
    let explained = match key {
        Some(key) => explain_key(&key, &app).await,
        None => {
            let words = invocation(&words.unwrap_or_default());
            report(&app, "explain", words).await
        }
    };
    answered(explained)
}

/// A request for a change.
#[derive(Debug)]
pub(in crate::admin) struct Sent {
    pub(in crate::admin) fields: HeaderMap,
    pub(in crate::admin) body: Bytes,
    /// Who sends it, if it comes over a network.
    pub(in crate::admin) client: Option<IpAddr>,
}

/// What is to be changed: exactly one of the scopes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    program: Option<String>,
    tag: Option<String>,
    #[serde(default)]
    all: bool,
    /// A program and arguments with stars.
    pattern: Option<String>,
    key: Option<String>,
    hard: bool,
    /// Whether only to say what would be done.
    #[serde(default)]
    dry: bool,
}

/// Invalidates or purges what the body of the request says, in JSON.
pub(in crate::admin) async fn change(app: App, live: Arc<Live>, sent: Sent) -> Response<Body> {
    if let Some(why) = live.refused(&sent.fields) {
        return in_json(StatusCode::FORBIDDEN, &json!({ "error": why }));
    }
    let who = match sent.client {
        Some(client) => format!("the live page, from {client}"),
        None => "the live page".to_owned(),
    };
    let done = async {
        let wish: Wish = serde_json::from_slice(&sent.body)?;
        acting(who, changed(&app, wish)).await
    };
    answered(done.await.map(|done| json!({ "done": done.trim_end() })))
}

async fn changed(app: &App, wish: Wish) -> Result<String> {
    let name = if wish.hard { "purge" } else { "invalidate" };
    let several = || Error::other("several things are named: name one");
    let others = [
        wish.program.is_some(),
        wish.tag.is_some(),
        wish.pattern.is_some(),
        wish.all,
    ];
    if let Some(key) = wish.key {
        return match others.contains(&true) || wish.dry {
            true => Err(several()),
            false => of_page(app, &key, wish.hard).await,
        };
    }
    let mut arguments = invocation(wish.pattern.as_deref().unwrap_or_default());
    let consent = if wish.dry { "dry_run" } else { "yes" };
    arguments.push((consent, "true".to_owned()));
    arguments.extend(wish.program.map(|program| ("program", program)));
    arguments.extend(wish.tag.map(|tag| ("tag", tag)));
    arguments.extend(wish.all.then(|| ("all", "true".to_owned())));
    let is_memory = app.shared_cache().store().place() == Place::InProcess;
    // What a command changes in a store that processes share, the servers of this machine are told.
    let controller = if is_memory { HTTP_POST } else { CMD };
    let done = run(app, controller, name, &arguments, "text/plain").await?;
    if !is_memory || wish.dry {
        return Ok(done);
    }
    let program = format!("cache/{name}");
    Ok(also(
        done,
        tell_others(app, &program, &members(&arguments)).await?,
    ))
}

/// The arguments as an object, in which an invocation is a list of words.
fn members(arguments: &Arguments) -> Value {
    let mut members = serde_json::Map::new();
    for (name, value) in arguments {
        match (*name, members.get_mut(*name)) {
            (_, Some(Value::Array(words))) => words.push(value.clone().into()),
            ("invocation", _) => {
                members.insert((*name).to_owned(), json!([value]));
            }
            ("program" | "tag", _) => {
                members.insert((*name).to_owned(), value.clone().into());
            }
            _ => {
                members.insert((*name).to_owned(), true.into());
            }
        }
    }
    members.into()
}

/// What was done, and what others say of it.
fn also(done: String, others: Option<String>) -> String {
    match others {
        Some(others) => format!("{}\n{others}", done.trim_end()),
        None => done,
    }
}

/// Expires or removes one page.
async fn of_page(app: &App, text: &str, is_hard: bool) -> Result<String> {
    let key = Key::read(text).ok_or_else(|| Error::other("this is not the key of a page"))?;
    let cache = app.shared_cache();
    let (was_there, done) = match is_hard {
        true => (cache.remove(&key).await?, "removed"),
        false => (cache.expire(&key).await?, "expired"),
    };
    let done = match was_there {
        true => format!("{done} {key}"),
        false => format!("nothing was stored under {key}"),
    };
    let others = match cache.store().place() {
        Place::Layered => tell_others(app, "process/forget", &json!({ "key": [text] })).await?,
        Place::InProcess => {
            Some("this is the memory of one process: others have their own".to_owned())
        }
        _ => None,
    };
    Ok(also(done, others))
}

/// What the program `mgt/cache/NAME` says in JSON.
async fn report(app: &App, name: &str, arguments: Arguments) -> Result<Value> {
    let report = run(app, HTTP_POST, name, &arguments, "application/json").await?;
    Ok(serde_json::from_str(&report)?)
}

/// What the program `mgt/cache/NAME` says in this `format`.
async fn run(
    app: &App,
    controller: Controller,
    name: &str,
    arguments: &Arguments,
    format: &'static str,
) -> Result<String> {
    let manifest = app.manifest().clone();
    let manifest = manifest.with(NAME, management_over([controller]));
    let app = app.clone().with_manifest(manifest);
    let path = format!("{NAME}/cache/{name}");
    let mut request = Request::new(controller, &path).accept(format);
    for (name, value) in arguments {
        request = request.argument(name, value);
    }
    let page = app.invoke(&mut request).await?;
    Ok(String::from_utf8_lossy(page.body()).into_owned())
}

/// The words of a command line as the arguments of a program that takes an invocation.
fn invocation(words: &str) -> Arguments {
    let words = words_of(words).into_iter();
    words.map(|word| ("invocation", word)).collect()
}

fn answered(answer: Result<impl Serialize>) -> Response<Body> {
    match answer {
        Ok(answer) => in_json(StatusCode::OK, &answer),
        Err(error) => in_json(
            StatusCode::BAD_REQUEST,
            &json!({ "error": error.to_string() }),
        ),
    }
}

/// The value of the parameter `name` of a query; what is not UTF-8 is none.
fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(own, _)| *own == name)?;
    let value = value.replace('+', " ");
    let value = percent_decode_str(&value).decode_utf8().ok()?;
    Some(value.into_owned())
}

/// The words of a command line, which quotation marks hold together.
fn words_of(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in text.chars() {
        match quote {
            Some(mark) if mark == character => quote = None,
            None if matches!(character, '\'' | '"') => {
                word.get_or_insert_default();
                quote = Some(character);
            }
            None if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        for (text, words) in [
            ("", &[][..]),
            ("  price  sku=apple ", &["price", "sku=apple"]),
            (
                "echo text='a b' \"it's\" ''",
                &["echo", "text=a b", "it's", ""],
            ),
            ("echo 'open", &["echo", "open"]),
        ] {
            assert_eq!(words_of(text), words, "{text}");
        }
    }

    #[test]
    fn a_parameter_is_decoded() {
        let query = Some("text=a+b%26&after=%ff&x");
        assert_eq!(parameter(query, "text").as_deref(), Some("a b&"));
        assert_eq!(parameter(query, "after"), None);
        assert_eq!(parameter(query, "x"), None);
        assert_eq!(parameter(None, "x"), None);
    }
}
