//! `cache/copy`: all that one store has, into another.
//!
//! Runs no model.

use giotto_cache::{Cache, Place};
use serde::{Deserialize, Serialize};

use super::outcome::Report;
use crate::error::{Error, Result};
use crate::management::model::{Documented, refused, shown};
use crate::management::operator::Operator;
use crate::program::Program;

pub(in crate::management) fn program() -> Program {
    let model = Documented {
        model: copy,
        parameters: &[
            (
                "from",
                "The store to copy from, as the setting `cache` names it: redis://host:6379, or database.",
            ),
            (
                "to",
                "The store to copy to. It is written while it is in use.",
            ),
            (
                "from_namespace",
                "The namespace there, if it is not that of the configuration.",
            ),
            ("to_namespace", "The same for the store to copy to."),
        ],
    };
    Program::new(model)
        .description(
            "Copies everything from one store to another: --from=redis://old --to=redis://new\n\n\
             Pages keep the time that they have left, their tags and versions, and what was invalidated stays invalidated. Of \
             two pages of one key the newer one stays, so that it can be repeated.",
        )
        .view(shown())
}

#[derive(Serialize, Deserialize)]
struct Arguments {
    from: String,
    to: String,
    #[serde(default)]
    from_namespace: Option<String>,
    #[serde(default)]
    to_namespace: Option<String>,
}

async fn copy(arguments: Arguments, operator: Operator) -> Result<Report> {
    let source = open(
        &operator,
        "from",
        &arguments.from,
        &arguments.from_namespace,
    )?;
    let target = open(&operator, "to", &arguments.to, &arguments.to_namespace)?;
    let (from, to) = (arguments.from, arguments.to);
    if from == to && arguments.from_namespace == arguments.to_namespace {
        return Err(refused("to", to, "it is the store to copy from"));
    }
    let moved = source.copy_to(&target).await?;
    target.store().settle().await;
    Ok(Report {
        from: format!("{:?}", source.store()),
        to: format!("{:?}", target.store()),
        moved,
    })
}

/// The store that the parameter `name` names.
fn open(operator: &Operator, name: &str, text: &str, namespace: &Option<String>) -> Result<Cache> {
    let stores = operator.app.stores.as_ref().ok_or_else(|| {
        Error::configuration(
            "this application has no configuration to open stores with: run it with giotto::run",
        )
    })?;
    let wrong = |error: Error| refused(name, text_without_login(text), error.to_string());
    let cache = stores.open(text, namespace.as_deref()).map_err(wrong)?;
    match cache.store().place() {
        Place::Shared => Ok(cache),
        _ => Err(refused(
            name,
            text,
            "it is no store that processes share: name Redis, Memcached or a database",
        )),
    }
}

/// What an error may show of a URL.
fn text_without_login(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) if rest.contains('@') => format!("{scheme}://…"),
        _ => text.to_owned(),
    }
}
