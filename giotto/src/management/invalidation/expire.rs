//! `cache/expire`: makes the pages of one invocation old.
//!
//! They are served no more but where the program lets an old page be served.

use std::fmt;

use serde::Serialize;

use crate::error::Result;
use crate::management::invocation::Invocation;
use crate::management::programs::{Documented, INVOCATION, Operator, WORDS, Words};
use crate::management::text::count;
use crate::program::Program;

pub(in crate::management) fn program() -> Program {
    let model = Documented {
        model: expire,
        parameters: &[WORDS],
    };
    Program::new(model)
        .description(
            "Makes the stored pages of an invocation old, in all its formats or the one that is named\n\n\
             An old page is served only where the program's cache setting says so: stale, or when the model fails.",
        )
        .collects(INVOCATION)
        .view(crate::management::programs::shown())
}

#[derive(Serialize)]
struct Report {
    invocation: String,
    /// The media types of the pages that were there.
    expired: Vec<String>,
    note: Option<&'static str>,
}

async fn expire(words: Words, operator: Operator) -> Result<Report> {
    let target = Invocation::read(&words.invocation)?.target(&operator.app)?;
    operator.check_keeps("expire")?;
    let mut expired = Vec::new();
    for mime in target.mimes() {
        if operator
            .app
            .shared_cache()
            .expire(&target.key(mime))
            .await?
        {
            expired.push(mime.essence().to_owned());
        }
    }
    Ok(Report {
        invocation: target.name(),
        expired,
        note: operator.behind(),
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", pages("expired", &self.invocation, &self.expired))?;
        match self.note {
            Some(note) => writeln!(f, "note: {note}"),
            None => Ok(()),
        }
    }
}

/// `expired 2 pages of squared {'x': 12}: text/html, text/cmd`
pub(super) fn pages(done: &str, invocation: &str, mimes: &[String]) -> String {
    match mimes {
        [] => format!("nothing was stored of {invocation}"),
        _ => format!(
            "{done} {} of {invocation}: {}",
            count(mimes.len() as u64, "page"),
            mimes.join(", ")
        ),
    }
}
