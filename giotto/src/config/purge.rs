//! The end points that purges are sent to: tables by name, `[purge.front]`.
//!
//! Read before the first step of an invocation. Each has a kind, a URL and mostly a token, which stands in the table, in a
//! file or in an environment variable.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use giotto_cache::Downstream;

use super::setting::Setting;
use crate::error::{Error, Result};
use crate::purge::{EndPoint, Purger};

const KINDS: [&str; 5] = [
    "varnish-xkey",
    "varnish-ban",
    "fastly",
    "cloudflare",
    "http",
];
const MEMBERS: [&str; 6] = [
    "kind",
    "soft",
    "token",
    "token_file",
    "token_variable",
    "url",
];
/// Members of the kind `http` alone; what begins with `fields.` is one, too.
const OWN: [&str; 3] = ["at_most", "body", "method"];

/// The last setting of each member of one table.
type Members<'s> = BTreeMap<&'s str, &'s Setting>;

/// What sends to the end points that the `settings` name, later ones after earlier ones.
pub(super) fn open(settings: &[Setting]) -> Result<Vec<Arc<dyn Downstream>>> {
    let mut tables: BTreeMap<_, Members<'_>> = BTreeMap::new();
    for setting in settings {
        let path = setting.key.strip_prefix("purge.").unwrap_or_default();
        let Some((name, member)) = path.split_once('.') else {
            return Err(setting.refused("a table with a name, such as [purge.front]"));
        };
        tables.entry(name).or_default().insert(member, setting);
    }
    let purgers = tables.into_iter().map(|(name, members)| {
        let purger = Purger::new(end_point(&members)?.name(name).soft(soft(&members)?));
        Ok(Arc::new(purger) as Arc<dyn Downstream>)
    });
    purgers.collect()
}

fn soft(members: &Members<'_>) -> Result<bool> {
    members.get("soft").map_or(Ok(false), |soft| soft.boolean())
}

fn end_point(members: &Members<'_>) -> Result<EndPoint> {
    let any = *members.values().next().expect("a table has a member");
    let Some(kind) = members.get("kind") else {
        let kinds = KINDS.join("\", \"");
        return Err(any.wrong(&format!(
            "kind is missing in the same table, one of \"{kinds}\""
        )));
    };
    let Some(url) = members.get("url") else {
        return Err(kind.wrong("url is missing in the same table, where purges are sent to"));
    };
    let is_own = kind.string()? == "http";
    let known = MEMBERS.iter().chain(OWN.iter().filter(|_| is_own));
    for (member, setting) in members {
        let is_field = is_own && member.starts_with("fields.");
        if !is_field && known.clone().all(|known| known != member) {
            return Err(setting.unlike("key", member, known.copied()));
        }
    }
    let address = url.string()?;
    let token = || match token(members)? {
        Some(token) => Ok(token),
        None => Err(kind.wrong("token, token_file or token_variable is missing in the same table")),
    };
    let at = |end_point: Result<EndPoint>| end_point.map_err(|error| url.wrong(&error.to_string()));
    match kind.string()? {
        "varnish-xkey" => at(EndPoint::varnish_xkey(address)),
        "varnish-ban" => at(EndPoint::varnish_ban(address)),
        "fastly" => at(EndPoint::fastly(address, token()?)),
        "cloudflare" => at(EndPoint::cloudflare(address, token()?)),
        "http" => own(members, address, url),
        other => Err(kind.unlike("kind", other, KINDS.into_iter())),
    }
}

/// An end point of any other form.
fn own(members: &Members<'_>, address: &str, url: &Setting) -> Result<EndPoint> {
    let method = members
        .get("method")
        .map_or(Ok("POST"), |method| method.string())?;
    let end_point = EndPoint::http(method, address);
    let mut end_point = end_point.map_err(|error| url.wrong(&error.to_string()))?;
    if let Some(token) = token(members)? {
        end_point = end_point.token(token)?;
    }
    for (member, setting) in members {
        if let Some(name) = member.strip_prefix("fields.") {
            let field = end_point.field(name, setting.string()?);
            end_point = field.map_err(|error| setting.wrong(&error.to_string()))?;
        }
    }
    if let Some(body) = members.get("body") {
        end_point = end_point.body(body.string()?);
    }
    match members.get("at_most") {
        Some(most) => Ok(end_point.at_most(most.positive::<u16>()?.into())),
        None => Ok(end_point),
    }
}

/// The token, which no error shows.
fn token(members: &Members<'_>) -> Result<Option<String>> {
    let ways = ["token", "token_file", "token_variable"];
    let mut given = ways.iter().filter_map(|way| members.get(way));
    let Some(setting) = given.next() else {
        return Ok(None);
    };
    if let Some(other) = given.next() {
        return Err(other.wrong(&format!("{} says the same: keep one of them", setting.key)));
    }
    let place = setting.string()?;
    let read = |problem: String| -> Error { setting.wrong(&problem) };
    let token = match setting.key.rsplit('.').next() {
        Some("token_file") => fs::read_to_string(place)
            .map_err(|error| read(format!("{place} cannot be read: {error}")))?,
        Some("token_variable") => std::env::var(place)
            .map_err(|error| read(format!("the variable {place} cannot be read: {error}")))?,
        _ => place.to_owned(),
    };
    Ok(Some(token.trim().to_owned()))
}
