//! The parameters of a database's URL: each is known, or refused with the one that was meant.
//!
//! No step of a lookup: the clients connect in spite of a parameter that they do not know, even without
//! encryption.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, Result};

/// The setting that is not the client's.
const CONNECTIONS: &str = "max_connections";

/// What other clients call something that is written in another way here.
const ELSEWHERE: [(&str, &str); 4] = [
    ("schema", "write the table as table = \"schema.name\""),
    (
        "currentSchema",
        "write the table as table = \"schema.name\"",
    ),
    ("pgbouncer", "it is not needed: poolers are recognised"),
    (
        "connect_timeout",
        "leave it out: a call has a second for everything",
    ),
];

/// `url` without the parameters that are not for the client, and the number of connections, if it is given.
pub(crate) fn check<'u>(url: &'u str, known: &[&str]) -> Result<(Cow<'u, str>, Option<usize>)> {
    if url.contains('#') {
        return Err(refused("has a '#' in it: write it as %23"));
    }
    let Some((place, query)) = url.split_once('?') else {
        return Ok((Cow::Borrowed(url), None));
    };
    let (mut connections, mut kept, mut seen) = (None, Vec::new(), Vec::new());
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.[]".contains(c))
        {
            // It may be the second half of a password.
            return Err(refused(
                "cannot be read: write special characters as %40, also the ? of a password as %3F",
            ));
        }
        let is_option = name == "options" || name.starts_with("options[");
        if !is_option && seen.contains(&name) {
            return Err(refused(&format!("has the parameter {name:?} twice")));
        }
        seen.push(name);
        if name == CONNECTIONS {
            let number = value.parse().ok().filter(|number| *number > 0);
            let problem = || refused(&format!("needs {CONNECTIONS}=1 or more"));
            connections = Some(number.ok_or_else(problem)?);
        } else if known.contains(&name) || is_option && known.contains(&"options") {
            kept.push(parameter);
        } else {
            return Err(unknown(name, known));
        }
    }
    let url = match kept.is_empty() {
        true => place.to_owned(),
        false => format!("{place}?{}", kept.join("&")),
    };
    Ok((Cow::Owned(url), connections))
}

/// Of a parameter only its name is told: a value may be a password.
fn unknown(name: &str, known: &[&str]) -> Error {
    if let Some((_, remedy)) = ELSEWHERE.iter().find(|(other, _)| *other == name) {
        return refused(&format!("has no parameter {name:?}: {remedy}"));
    }
    let candidates = known.iter().chain([&CONNECTIONS]);
    let near = candidates
        .map(|known| (distance(&plain(name), &plain(known)), known))
        .filter(|(distance, known)| *distance <= known.len().div_ceil(3))
        .min_by_key(|(distance, _)| *distance);
    refused(&match near {
        Some((_, near)) => format!("has no parameter {name:?}; did you mean {near:?}?"),
        None => format!(
            "has no parameter {name:?}; it may have {}, {CONNECTIONS}",
            known.join(", ")
        ),
    })
}

fn refused(problem: &str) -> Error {
    let message = format!("the URL of the cache database {problem}");
    Error::new(ErrorKind::Backend, message)
}

/// Without what is easily mistaken: letter case, hyphens and underscores.
fn plain(name: &str) -> String {
    name.to_lowercase().replace(['-', '_'], "")
}

/// How many bytes are to be changed, put in or left out to make one text of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (number, byte) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = number + 1;
        for (at, other) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(byte != other);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["ssl-mode", "sslmode", "ssl-ca", "socket"];

    #[test]
    fn a_parameter_is_known_or_refused_with_the_one_that_was_meant() {
        for (query, said) in [
            ("ssl-mod=REQUIRED", "did you mean \"ssl-mode\"?"),
            ("ssl_mod=verify-full", "did you mean \"ssl-mode\"?"),
            ("SSLMODE=require", "did you mean \"ssl-mode\"?"),
            ("sockt=secret", "did you mean \"socket\"?"),
            ("schema=side", "table = \"schema.name\""),
            ("maxconnections=3", "did you mean \"max_connections\"?"),
            ("max_connections=none", "max_connections=1 or more"),
            ("max_connections=0", "max_connections=1 or more"),
            ("password=secret", "it may have ssl-mode, sslmode"),
            ("socket=a&socket=b", "twice"),
            ("socket=a#b", "%23"),
            ("cret@host/db", "%3F"),
        ] {
            let error = check(&format!("mysql://host/db?{query}"), &KNOWN).unwrap_err();
            let error = error.to_string();
            assert!(
                error.contains(said) && !error.contains("cret"),
                "{query}: {error}"
            );
        }
    }

    #[test]
    fn the_number_of_connections_is_not_for_the_client() {
        for (url, kept, connections) in [
            ("mysql://host/db", "mysql://host/db", None),
            ("mysql://host/db?", "mysql://host/db", None),
            (
                "mysql://host/db?ssl-mode=REQUIRED&max_connections=3&socket=/a%20b",
                "mysql://host/db?ssl-mode=REQUIRED&socket=/a%20b",
                Some(3),
            ),
            (
                "mysql://host/db?max_connections=3",
                "mysql://host/db",
                Some(3),
            ),
        ] {
            let found = check(url, &KNOWN).unwrap();
            assert_eq!((&*found.0, found.1), (kept, connections));
        }
    }
}
