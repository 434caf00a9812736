//! What a field `Cache-Status` says, as the types of the cache.
//!
//! The way back from `cache_status.rs`, for the assertions.

use giotto_cache::{Reason, Scope, Staleness, Status};

/// What the last member of `field` says, which is that of the nearest cache; `None` if no cache was asked.
pub(super) fn told(field: &str) -> Option<(Status, Option<Reason>)> {
    let member = split(field, ',').pop()?;
    let parameters = split(member, ';');
    let has = |name: &str| parameters.contains(&name);
    let value = |name: &str| {
        let mut values = parameters.iter();
        values.find_map(|own| own.strip_prefix(name)?.strip_prefix('='))
    };
    let detail = value("detail").map(text).unwrap_or_default();
    let details: Vec<_> = detail.split(", ").collect();
    let reason = details.iter().find_map(|detail| reason(detail));
    let stale = details.iter().find_map(|detail| staleness(detail));
    let status = match stale {
        Some(staleness) => Status::Stale(staleness),
        None if has("hit") => Status::Hit,
        None if has("stored") => Status::Stored,
        None if has("collapsed") => Status::Collapsed,
        None if value("fwd") == Some("bypass") && detail.is_empty() => return None,
        None => {
            value("fwd")?;
            Status::NotStored
        }
    };
    Some((status, reason))
}

/// The parts of `field` between the separators outside of strings.
fn split(field: &str, separator: char) -> Vec<&str> {
    let (mut is_string, mut is_escaped) = (false, false);
    let parts = field.split(|character| {
        let is_quote = character == '"' && !is_escaped;
        is_escaped = character == '\\' && is_string && !is_escaped;
        is_string ^= is_quote;
        character == separator && !is_string
    });
    parts.map(str::trim).collect()
}

/// A string or a token of a structured field.
fn text(value: &str) -> String {
    let inside = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inside.map_or_else(
        || value.to_owned(),
        |inside| inside.replace("\\\"", "\"").replace("\\\\", "\\"),
    )
}

fn staleness(detail: &str) -> Option<Staleness> {
    Some(match detail {
        "revalidating" => Staleness::Revalidating,
        "the model failed" | "failed" => Staleness::Failed,
        "the model is late" | "late" => Staleness::Late,
        "the model failed lately" | "failed-lately" => Staleness::Throttled,
        "accepted" => Staleness::Accepted,
        _ => return None,
    })
}

fn reason(detail: &str) -> Option<Reason> {
    let (name, of) = detail.split_once(' ').unwrap_or((detail, ""));
    Some(match name {
        "first-seen" => Reason::FirstSeen,
        "expired" => Reason::Expired,
        "evicted" => Reason::Evicted,
        "invalidated" => Reason::Invalidated(scope(of)?),
        "tag-lost" => Reason::TagLost(of.to_owned()),
        "version" => Reason::Version,
        "backend-error" => Reason::BackendError,
        "backend-timeout" => Reason::BackendTimeout,
        "backend-skipped" => Reason::BackendSkipped,
        "undecodable" => Reason::Undecodable,
        "forged" => Reason::Forged,
        "clock-skew" => Reason::ClockSkew,
        "bypass" => Reason::Bypass,
        "refresh" => Reason::Refresh,
        "not-storable" => Reason::NotStorable,
        "too-large" => Reason::TooLarge,
        _ => return None,
    })
}

fn scope(text: &str) -> Option<Scope> {
    match text.split_once(' ') {
        Some(("tag", tag)) => Some(Scope::Tag(tag.to_owned())),
        Some(("program", "/")) => Some(Scope::Program(String::new())),
        Some(("program", program)) => Some(Scope::Program(program.to_owned())),
        _ if text == "all" => Some(Scope::All),
        _ => None,
    }
}
