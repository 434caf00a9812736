//! `cache/get`: the stored page of an invocation, whatever its age.
//!
//! Runs no model.

use bytes::Bytes;
use giotto_cache::{EntryState, Mode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::controller::cmd::complain;
use crate::error::{Error, ErrorKind, Result};
use crate::management::invocation::{Invocation, Target};
use crate::management::model::{Documented, FIELDS, INVOCATION, WORDS, Words};
use crate::management::operator::Operator;
use crate::management::text::time;
use crate::mime::TEXT_CMD;
use crate::program::Program;
use crate::request::CMD;
use crate::socket::PATIENCE;
use crate::view::BasicView;

pub(in crate::management) fn program() -> Program {
    let model = Documented {
        model: get,
        parameters: &[WORDS, FIELDS],
    };
    let body = |page: &Page| page.body.clone();
    Program::new(model)
        .description(
            "Prints the stored page of an invocation, whatever its age, without running its model\n\n\
             Its state goes to standard error. With the format .txt the page is printed byte for byte. The exit code is 3 if \
             none is stored.",
        )
        .collects(INVOCATION)
        // The page is data here, whatever program it is of.
        .view(BasicView::new().text(body).shows(TEXT_CMD, body))
}

/// A stored page: what JSON shows of it, and itself.
#[derive(Serialize)]
#[serde(transparent)]
struct Page {
    shown: Value,
    #[serde(skip)]
    body: Bytes,
}

/// A stored page and its state.
#[derive(Serialize)]
struct Shown {
    key: String,
    mimetype: String,
    /// Why a request would not get it unchanged; `null` if it would.
    reason: Option<String>,
    entry: EntryState,
    /// `null` if the page is not text.
    body: Option<String>,
}

/// What a server has in its memory.
#[derive(Serialize, Deserialize)]
struct OfProcess {
    shown: Value,
    body: Vec<u8>,
    state: String,
}

/// The same for a command, which asks a server whose memory it cannot see.
pub(in crate::management) fn of_process() -> Program {
    let model = |words: Words, operator: Operator| async move {
        let (page, state) = stored(&words, &operator).await?;
        Ok::<_, Error>(OfProcess {
            shown: page.shown,
            body: page.body.to_vec(),
            state,
        })
    };
    Program::new(model)
        .description("The page of an invocation in the memory of this process")
        .view(BasicView::new())
}

async fn get(words: Words, operator: Operator) -> Result<Page> {
    if operator.has_own_memory() {
        return from_server(&words, &operator).await;
    }
    let (page, state) = stored(&words, &operator).await?;
    if operator.controller == CMD {
        complain(&state);
    }
    Ok(page)
}

/// The page that the first server has, in the order of their processes.
async fn from_server(words: &Words, operator: &Operator) -> Result<Page> {
    let asked = operator.ask_memories::<OfProcess>("show", "process/get", words, PATIENCE);
    let asked = asked.await?;
    asked
        .silent
        .iter()
        .for_each(|silent| complain(&silent.to_string()));
    let mut answers = asked.answers.into_iter();
    let Some((process, first)) = answers.next() else {
        return Err(Error::other("no server answered"));
    };
    complain(&format!("process {process}: {}", first.state));
    for (process, other) in answers.filter(|(_, other)| other.body != first.body) {
        complain(&format!(
            "process {process} has another one: {}",
            other.state
        ));
    }
    Ok(Page {
        shown: first.shown,
        body: first.body.into(),
    })
}

/// The page that this process finds, and its state in words.
async fn stored(words: &Words, operator: &Operator) -> Result<(Page, String)> {
    let invocation = Invocation::read(&words.invocation, &words.header)?;
    let target = Target::of(&invocation, &operator.app).await?;
    let lookup = target.lookup()?.mode(Mode::Only);
    let explained = operator.app.shared_cache().explain(&lookup).await;
    let reason = explained.reason.as_ref().map(ToString::to_string);
    let Some(entry) = explained.entry else {
        let why = reason.unwrap_or_default();
        let message = format!(
            "nothing is stored under {} ({why}): `explain` says more",
            explained.key
        );
        return Err(Error::new(ErrorKind::NotCached, message));
    };
    let (key, age) = (&explained.key, time(entry.age));
    let state = reason.as_deref().unwrap_or("fresh");
    let state = format!("{key}: {state}, computed {age} ago");
    let body = entry.body.clone();
    let shown = Shown {
        mimetype: target.asked.mime.essence().to_owned(),
        key: explained.key,
        reason,
        body: std::str::from_utf8(&body).ok().map(str::to_owned),
        entry,
    };
    let shown = serde_json::to_value(shown)?;
    Ok((Page { shown, body }, state))
}
