//! The lines of `cache/explain` about what is stored of an invocation.
//!
//! Part of a report: runs no model.

use std::time::Duration;

use giotto_cache::{EntryState, MadeOf};

use crate::management::text::time;

/// What is stored, for people.
pub(super) fn lines(entry: &EntryState) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("entry", clocks(entry)),
        ("version", entry.version.to_string()),
    ];
    if !entry.tags.is_empty() {
        let tags = entry.tags.iter();
        let tags = tags.map(|(tag, state)| format!("{tag} ({state})"));
        lines.push(("tags", tags.collect::<Vec<_>>().join(", ")));
    }
    if !entry.programs.is_empty() {
        let programs = entry.programs.iter();
        let programs = programs.map(|(program, state)| format!("{program} ({state})"));
        lines.push(("programs", programs.collect::<Vec<_>>().join(", ")));
    }
    if !entry.made_of.is_empty() {
        lines.push(("made of", made_of(entry)));
    }
    let status = entry.metadata.status();
    lines.extend(status.map(|status| ("status", status.to_string())));
    let fields = entry.metadata.fields();
    let fields = fields.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)));
    let fields: Vec<_> = fields.collect();
    if !fields.is_empty() {
        lines.push(("fields", fields.join("\n")));
    }
    lines.push(("etag", entry.etag.clone()));
    lines
}

/// The results that it was made of, each with its tags and what that was made of:
/// `'nav'(user)(text/plain): user:7; limits the life`
fn made_of(entry: &EntryState) -> String {
    let line = |made_of: &MadeOf| {
        let depth = usize::from(made_of.depth.saturating_sub(1));
        let mut line = "  ".repeat(depth) + &made_of.key;
        if !made_of.tags.is_empty() {
            line = format!("{line}: {}", made_of.tags.join(", "));
        }
        if made_of.limits_life {
            line.push_str("; limits the life");
        }
        line
    };
    let mut lines: Vec<_> = entry.made_of.iter().map(line).collect();
    match entry.made_of_others {
        0 => {}
        others => lines.push(format!("and {others} more")),
    }
    lines.join("\n")
}

/// `120 bytes, computed 5 min ago in 12 ms` and the clocks that still run.
fn clocks(entry: &EntryState) -> String {
    let what = match entry.is_negative {
        true => "\"not found\", ",
        false => "",
    };
    let (bytes, age, cost) = (entry.body.len(), time(entry.age), time(entry.cost));
    let mut text = format!("{what}{bytes} bytes, computed {age} ago in {cost}\n");
    let left = |left: Option<Duration>| match left {
        None => "for ever".to_owned(),
        Some(left) if left.is_zero() => "no more".to_owned(),
        Some(left) => format!("for {}", time(left)),
    };
    text.push_str(&format!("fresh {}", left(entry.fresh_for)));
    if entry.stale_for != entry.fresh_for {
        text.push_str(&format!(", stale {}", left(entry.stale_for)));
    }
    if entry.error_for != entry.keep_for {
        let served = left(entry.error_for);
        text.push_str(&format!(", in place of a failure {served}"));
    }
    if entry.keep_for != entry.stale_for {
        text.push_str(&format!(", kept {}", left(entry.keep_for)));
    }
    if !entry.throttled_for.is_zero() {
        let again = time(entry.throttled_for);
        text.push_str(&format!(
            "\nthe model failed: it is not run again for {again}"
        ));
    }
    text
}
