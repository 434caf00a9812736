//! What is stored of an invocation: an entry, its clocks and its tags.
//!
//! Shown by `cache/explain` and `cache/get`.

use giotto_cache::EntryState;
use serde::Serialize;

use crate::management::text::time;

/// An entry and its clocks.
#[derive(Serialize)]
pub(super) struct Entry {
    bytes: usize,
    age_ms: u128,
    fresh_for_ms: Option<u128>,
    stale_for_ms: Option<u128>,
    keep_for_ms: Option<u128>,
    throttled_for_ms: u128,
    cost_ms: f64,
    is_negative: bool,
    pub(super) version: u32,
    tags: Vec<Tag>,
    pub(super) etag: String,
    #[serde(skip)]
    pub(super) clocks: String,
}

#[derive(Serialize)]
struct Tag {
    tag: String,
    state: &'static str,
}

impl Entry {
    pub(super) fn new(entry: &EntryState) -> Self {
        let ms = |time: std::time::Duration| time.as_millis();
        let tags = entry.tags.iter().map(|(tag, state)| Tag {
            tag: tag.clone(),
            state,
        });
        Self {
            bytes: entry.body.len(),
            age_ms: ms(entry.age),
            fresh_for_ms: entry.fresh_for.map(ms),
            stale_for_ms: entry.stale_for.map(ms),
            keep_for_ms: entry.keep_for.map(ms),
            throttled_for_ms: ms(entry.throttled_for),
            cost_ms: entry.cost.as_secs_f64() * 1_000.0,
            is_negative: entry.is_negative,
            version: entry.version,
            tags: tags.collect(),
            etag: entry.etag.clone(),
            clocks: clocks(entry),
        }
    }

    /// `user:7 (valid), all-users (invalidated)`
    pub(super) fn shown_tags(&self) -> String {
        let tags = self.tags.iter();
        let tags = tags.map(|Tag { tag, state }| format!("{tag} ({state})"));
        tags.collect::<Vec<_>>().join(", ")
    }
}

/// `120 bytes, computed 5 min ago in 12 ms` and the clocks that still run.
fn clocks(entry: &EntryState) -> String {
    let what = if entry.is_negative {
        "\"not found\", "
    } else {
        ""
    };
    let mut text = format!(
        "{what}{} bytes, computed {} ago in {}\n",
        entry.body.len(),
        time(entry.age),
        time(entry.cost)
    );
    let left = |left: Option<std::time::Duration>| match left {
        None => "for ever".to_owned(),
        Some(left) if left.is_zero() => "no more".to_owned(),
        Some(left) => format!("for {}", time(left)),
    };
    text.push_str(&format!("fresh {}", left(entry.fresh_for)));
    if entry.stale_for != entry.fresh_for {
        text.push_str(&format!(", stale {}", left(entry.stale_for)));
    }
    if entry.keep_for != entry.stale_for {
        text.push_str(&format!(", kept {}", left(entry.keep_for)));
    }
    if !entry.throttled_for.is_zero() {
        let again = time(entry.throttled_for);
        text.push_str(&format!("\nthe model failed: it is left alone for {again}"));
    }
    text
}
