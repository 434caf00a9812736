//! `cache/expire` and `cache/remove`: the pages of one invocation.
//!
//! An expired page is served only where the policy of its program allows an old page. A removed page is gone.

use std::fmt;

use giotto_cache::{Key, Place};
use serde::{Deserialize, Serialize};

use super::consent::{YES, consent};
use crate::error::Result;
use crate::management::invocation::{Invocation, Target, key_of};
use crate::management::model::{Documented, FIELDS, INVOCATION, WORDS, Words, shown};
use crate::management::operator::Operator;
use crate::management::process::forget::Changed;
use crate::management::servers::Told;
use crate::management::text::count;
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
    let pages = Pages::of(&words.invocation, &words.header, &operator).await?;
    operator.check_keeps("expire")?;
    if operator.has_own_memory() {
        let asked = operator.ask_memories::<Expired>("expire", "cache/expire", &words, PATIENCE);
        let asked = asked.await?;
        let told = asked.told();
        return Ok(Expired {
            invocation: pages.name,
            expired: union(asked.answers.into_iter().map(|(_, answer)| answer.expired)),
            note: operator.remains(&told),
            told,
        });
    }
    let mut expired = Vec::new();
    for (mime, key) in &pages.keys {
        if operator.app.shared_cache().expire(key).await? {
            expired.push(mime.clone());
        }
    }
    let told = tell(&pages, &operator).await?;
    Ok(Expired {
        invocation: pages.name,
        expired,
        note: operator.remains(&told),
        told,
    })
}

async fn remove_pages(arguments: Arguments, operator: Operator) -> Result<Removed> {
    let pages = Pages::of(&arguments.invocation, &arguments.header, &operator).await?;
    operator.check_keeps("remove")?;
    if !arguments.yes {
        let plan = format!("this removes {}", pages.told());
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
            invocation: pages.name,
            removed: union(asked.answers.into_iter().map(|(_, answer)| answer.removed)),
            note: operator.remains(&told),
            told,
        });
    }
    let mut removed = Vec::new();
    for (mime, key) in &pages.keys {
        if operator.app.shared_cache().remove(key).await? {
            removed.push(mime.clone());
        }
    }
    let told = tell(&pages, &operator).await?;
    Ok(Removed {
        invocation: pages.name,
        removed,
        note: operator.remains(&told),
        told,
    })
}

/// The pages of an invocation.
struct Pages {
    /// `squared {'x': 12}`
    name: String,
    /// By their media types.
    keys: Vec<(String, Key)>,
}

impl Pages {
    /// Those that `words` name: an invocation, or the key of an entry of a cache without a manifest.
    async fn of(words: &[String], header: &[String], operator: &Operator) -> Result<Self> {
        if let Some(key) = key_of(words, &operator.app) {
            let key = key?;
            return Ok(Self {
                name: key.to_string(),
                keys: vec![(key.mimetype().to_owned(), key)],
            });
        }
        let invocation = Invocation::read(words, header)?;
        let target = Target::of(&invocation, &operator.app).await?;
        let mimes = target.mimes().iter();
        Ok(Self {
            name: target.name(),
            keys: mimes
                .map(|mime| (mime.essence().to_owned(), target.key(mime)))
                .collect(),
        })
    }

    /// `the pages of squared {'x': 12} as text/html, text/cmd`
    fn told(&self) -> String {
        let mimes: Vec<_> = self.keys.iter().map(|(mime, _)| &**mime).collect();
        match &*mimes {
            [""] => self.name.clone(),
            mimes => format!("the pages of {} as {}", self.name, mimes.join(", ")),
        }
    }
}

/// Has the servers forget the copies that they have in memory of `pages`.
async fn tell(pages: &Pages, operator: &Operator) -> Result<Told> {
    if operator.app.shared_cache().store().place() != Place::Layered {
        return Ok(Told::default());
    }
    let keys = pages.keys.iter().map(|(_, key)| key.to_string());
    let changed = Changed {
        key: keys.collect(),
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
            match mimes.join(", ") {
                mimes if mimes.is_empty() => writeln!(f, "{done} {invocation}")?,
                mimes => writeln!(f, "{done} {pages} of {invocation}: {mimes}")?,
            }
        }
    }
    note.map_or(Ok(()), |note| writeln!(f, "note: {note}"))
}
