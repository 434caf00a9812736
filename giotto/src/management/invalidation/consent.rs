//! The consent to a change that cannot be undone.
//!
//! `cache/remove`, `cache/invalidate` and `cache/purge` say what they will do, and ask.

use std::io::{self, BufRead};

use crate::controller::cmd::ask;
use crate::error::{Error, ErrorKind, Result};
use crate::management::model::refused;
use crate::management::operator::Operator;

/// The parameter that gives it.
pub(in crate::management) const YES: (&str, &str) = ("yes", "Do it without asking.");

/// Asks the person at the terminal to agree to `plan`, and otherwise requires `--yes`. The error says that nothing was
/// `done`, a word such as "purged".
pub(in crate::management) async fn consent(
    operator: &Operator,
    plan: String,
    done: &str,
) -> Result<()> {
    if !operator.can_ask() {
        let message = format!("{plan}. Nothing was done: say yes (--yes, yes=true) to do it");
        return Err(refused(YES.0, "", &message));
    }
    let asked = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        ask(&format!("{plan}. Go on? [y/N] "));
        io::stdin().lock().read_line(&mut answer)?;
        Ok::<_, io::Error>(answer)
    });
    match asked.await??.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Error::new(ErrorKind::Other, format!("nothing was {done}"))),
    }
}
