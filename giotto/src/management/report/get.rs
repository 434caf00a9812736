//! `cache/get`: the stored page of an invocation, whatever its age.
//!
//! Runs no model.

use giotto_cache::{EntryState, Mode};
use serde::Serialize;

use crate::controller::cmd::complain;
use crate::error::{Error, ErrorKind, Result};
use crate::management::invocation::{Invocation, Target};
use crate::management::model::{Documented, FIELDS, INVOCATION, WORDS, Words};
use crate::management::operator::Operator;
use crate::management::text::time;
use crate::mime::TEXT_CMD;
use crate::program::Program;
use crate::request::CMD;
use crate::view::BasicView;

pub(in crate::management) fn program() -> Program {
    let model = Documented {
        model: get,
        parameters: &[WORDS, FIELDS],
    };
    let body = |page: &Page| page.entry.body.clone();
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

/// A stored page and its state.
#[derive(Serialize)]
struct Page {
    key: String,
    mimetype: String,
    /// Why a request would not get it unchanged; `null` if it would.
    reason: Option<String>,
    entry: EntryState,
    /// `null` if the page is not text.
    body: Option<String>,
}

async fn get(words: Words, operator: Operator) -> Result<Page> {
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
    if operator.controller == CMD {
        let (key, age) = (&explained.key, time(entry.age));
        let state = reason.as_deref().unwrap_or("fresh");
        complain(&format!("{key}: {state}, computed {age} ago"));
    }
    Ok(Page {
        key: explained.key,
        mimetype: target.asked.mime.essence().to_owned(),
        reason,
        body: std::str::from_utf8(&entry.body).ok().map(str::to_owned),
        entry,
    })
}
