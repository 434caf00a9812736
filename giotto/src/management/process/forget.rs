//! `process/forget`: a server sees at once what a command has changed in the store that they share.
//!
//! Asked through the socket after the store was told.

use serde::{Deserialize, Serialize};

use crate::management::operator::Operator;
use crate::program::Program;
use crate::view::BasicView;

pub(super) fn program() -> Program {
    Program::new(forget)
        .description(
            "Reads again what was invalidated, and forgets copies of the pages under these keys",
        )
        .view(BasicView::new())
}

/// What was changed in the store.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::management) struct Changed {
    /// The keys of pages that were made old or removed. None, if it was a tag or a program: that is read anew.
    #[serde(default)]
    pub(in crate::management) key: Vec<String>,
    /// Whether the whole store was emptied.
    #[serde(default)]
    pub(in crate::management) all: bool,
}

impl Changed {
    /// All that the store has.
    pub(in crate::management) fn everything() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }
}

/// Returns the process.
async fn forget(changed: Changed, operator: Operator) -> u32 {
    let cache = operator.app.shared_cache();
    match changed.all {
        true => cache.forget_copies(None).await,
        false => {
            let keys: Vec<&str> = changed.key.iter().map(String::as_str).collect();
            cache.forget_copies(Some(&keys)).await;
        }
    }
    std::process::id()
}
