//! `cache/expire` and `cache/remove`: the pages of one invocation.
//!
//! An expired page is served only where the policy of its program allows an old page. A removed page is gone.

use std::fmt;

use giotto_cache::{Key, Place};
use serde::{Deserialize, Serialize};

use super::consent::{YES, consent};
use crate::error::Result;
use crate::management::invocation::{Invocation, Target};
use crate::management::model::{Documented, FIELDS, INVOCATION, WORDS, Words, shown};
use crate::management::operator::Operator;
use crate::management::process::forget::Changed;
use crate::management::servers::Told;
use crate::management::text::count;
use crate::mime::Mime;
use crate::program::Program;
use crate::socket::PATIENCE;

pub(in crate::management) fn expire() -> Program {
    let model = Documented {
        model: expire_pages,
        parameters: &[WORDS, FIELDS],
    };
    Program::new(model)
        .description(
            "Makes the stored pages of an invocation old, in all its formats or the one that is named\n\n\
             An old page is served only where the program's cache setting says so: stale, or when the model fails. \
             `remove` forbids that, too.",
        )
        .collects(INVOCATION)
        .view(shown())
}

pub(in crate::management) fn remove() -> Program {
    let model = Documented {
        model: remove_pages,
        parameters: &[WORDS, FIELDS, YES],
    };
    Program::new(model)
        .description(
            "Removes the stored pages of an invocation, in all its formats or the one that is named\n\n\
             It says what it will do and asks; without a terminal it needs --yes. `expire` keeps an old page for when the \
             model fails.",
        )
        .collects(INVOCATION)
        .view(shown())
}

#[derive(Serialize, Deserialize)]
struct Arguments {
    #[serde(default)]
    invocation: Vec<String>,
    #[serde(default)]
    header: Vec<String>,
    #[serde(default)]
    yes: bool,
}

/// The media types of the pages that were there.
#[derive(Serialize, Deserialize)]
struct Expired {
    invocation: String,
    expired: Vec<String>,
    #[serde(flatten)]
    told: Told,
    note: Option<String>,
}

/// The media types of the pages that were there.
#[derive(Serialize, Deserialize)]
struct Removed {
    invocation: String,
    removed: Vec<String>,
    #[serde(flatten)]
    told: Told,
    note: Option<String>,
}

async fn expire_pages(words: Words, operator: Operator) -> Result<Expired> {
    let invocation = Invocation::read(&words.invocation, &words.header)?;
    let target = Target::of(&invocation, &operator.app).await?;
    operator.check_keeps("expire")?;
    if operator.has_own_memory() {
        let asked = operator.ask_memories::<Expired>("expire", "cache/expire", &words, PATIENCE);
        let asked = asked.await?;
        let told = asked.told();
        return Ok(Expired {
            invocation: target.name(),
            expired: union(asked.answers.into_iter().map(|(_, answer)| answer.expired)),
            note: operator.remains(&told),
            told,
        });
    }
    let mut expired = Vec::new();
    for mime in target.mimes() {
        let key = target.key(mime);
        if operator.app.shared_cache().expire(&key).await? {
            expired.push(mime.essence().to_owned());
        }
    }
    let told = tell(keys(&target), &operator).await?;
    Ok(Expired {
        invocation: target.name(),
        expired,
        note: operator.remains(&told),
        told,
    })
}

async fn remove_pages(arguments: Arguments, operator: Operator) -> Result<Removed> {
    let invocation = Invocation::read(&arguments.invocation, &arguments.header)?;
    let target = Target::of(&invocation, &operator.app).await?;
    operator.check_keeps("remove")?;
    if !arguments.yes {
        let mimes: Vec<_> = target.mimes().iter().map(Mime::essence).collect();
        let (name, mimes) = (target.name(), mimes.join(", "));
        let plan = format!("this removes the pages of {name} as {mimes}");
        consent(&operator, plan, "removed").await?;
    }
    if operator.has_own_memory() {
        let arguments = Arguments {
            yes: true,
            ..arguments
        };
        let asked =
            operator.ask_memories::<Removed>("remove", "cache/remove", &arguments, PATIENCE);
        let asked = asked.await?;
        let told = asked.told();
        return Ok(Removed {
            invocation: target.name(),
            removed: union(asked.answers.into_iter().map(|(_, answer)| answer.removed)),
            note: operator.remains(&told),
            told,
        });
    }
    let pages = target.mimes().iter();
    let pages = pages.map(|mime| (mime.essence().to_owned(), target.key(mime)));
    let removed = remove_here(pages.collect(), &operator).await?;
    let told = tell(keys(&target), &operator).await?;
    Ok(Removed {
        invocation: target.name(),
        removed,
        note: operator.remains(&told),
        told,
    })
}

/// Removes these pages from the store: the media types of those that were there.
async fn remove_here(pages: Vec<(String, Key)>, operator: &Operator) -> Result<Vec<String>> {
    let mut removed = Vec::new();
    for (mime, key) in pages {
        if operator.app.shared_cache().remove(&key).await? {
            removed.push(mime);
        }
    }
    Ok(removed)
}

/// The keys of the pages of `target`.
fn keys(target: &Target<'_>) -> Vec<String> {
    let keys = target
        .mimes()
        .iter()
        .map(|mime| target.key(mime).to_string());
    keys.collect()
}

/// Has the servers forget the copies that they have in memory of the pages under `keys`.
async fn tell(keys: Vec<String>, operator: &Operator) -> Result<Told> {
    if operator.app.shared_cache().store().place() != Place::Layered {
        return Ok(Told::default());
    }
    let changed = Changed {
        key: keys,
        ..Changed::default()
    };
    operator.tell(&changed).await
}

/// What is in one of the `lists` at least, in their order.
fn union(lists: impl Iterator<Item = Vec<String>>) -> Vec<String> {
    let mut all = Vec::new();
    for one in lists.flatten() {
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(
            f,
            "expired",
            &self.invocation,
            &self.expired,
            self.note.as_deref(),
        )
    }
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(
            f,
            "removed",
            &self.invocation,
            &self.removed,
            self.note.as_deref(),
        )
    }
}

/// `expired 2 pages of squared {'x': 12}: text/html, text/cmd`
fn show(
    f: &mut fmt::Formatter<'_>,
    done: &str,
    invocation: &str,
    mimes: &[String],
    note: Option<&str>,
) -> fmt::Result {
    match mimes {
        [] => writeln!(f, "nothing was stored of {invocation}")?,
        _ => {
            let pages = count(mimes.len() as u64, "page");
            writeln!(f, "{done} {pages} of {invocation}: {}", mimes.join(", "))?;
        }
    }
    note.map_or(Ok(()), |note| writeln!(f, "note: {note}"))
}
