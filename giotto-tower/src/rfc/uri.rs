//! References to other resources of the same origin (RFC 3986, 5).
//!
//! Serves `invalidation.rs`.

use http::Uri;
use http::uri::PathAndQuery;

/// The path and query of `reference`, which is relative to `base`, if it is of the same origin: the authority is `base`'s own,
/// or that of `host` where `base` has none. `None` if it is of another origin or not well-formed.
///
/// The scheme is left out of the comparison: a service behind a TLS terminator does not know its own.
pub(super) fn same_origin(base: &Uri, host: Option<&str>, reference: &str) -> Option<PathAndQuery> {
    let reference = reference.trim().split('#').next().unwrap_or_default();
    let (authority, rest) = split(reference)?;
    if let Some(authority) = authority {
        let own = base
            .authority()
            .map(http::uri::Authority::as_str)
            .or(host)?;
        let origin = |authority: &str| {
            let authority = authority.to_ascii_lowercase();
            let without = authority
                .strip_suffix(":80")
                .or(authority.strip_suffix(":443"));
            without.unwrap_or(&authority).to_owned()
        };
        if origin(authority) != origin(own) {
            return None;
        }
    }
    let resolved = match rest.split_once('?') {
        None => resolve(base.path(), rest, authority.is_some()),
        // A query alone keeps the path (5.2.2).
        Some(("", query)) if authority.is_none() => format!("{}?{query}", base.path()),
        Some((path, query)) => {
            let path = resolve(base.path(), path, authority.is_some());
            format!("{path}?{query}")
        }
    };
    match rest.is_empty() && authority.is_none() {
        // The same document.
        true => base.path_and_query().cloned(),
        false => PathAndQuery::try_from(resolved).ok(),
    }
}

/// The authority of a reference, if it has one, and what is behind it. `None` if its scheme is not that of the web.
fn split(reference: &str) -> Option<(Option<&str>, &str)> {
    let is_scheme = |scheme: &str| {
        let mut bytes = scheme.bytes();
        let begins = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic());
        begins && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let rest = match reference.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => {
            let is_web = ["http", "https"]
                .iter()
                .any(|own| scheme.eq_ignore_ascii_case(own));
            if !is_web || !rest.starts_with("//") {
                return None;
            }
            rest
        }
        _ => reference,
    };
    let Some(rest) = rest.strip_prefix("//") else {
        return Some((None, rest));
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    (!authority.contains('@')).then_some((Some(authority), rest))
}

/// The path `reference`, relative to `base` unless it has an authority, without `.` and `..` (5.2.3 and 5.2.4).
fn resolve(base: &str, reference: &str, has_authority: bool) -> String {
    let merged = match reference.starts_with('/') || has_authority {
        true => reference.to_owned(),
        false => {
            let directory = base.rfind('/').map_or("/", |end| &base[..=end]);
            format!("{directory}{reference}")
        }
    };
    let mut segments: Vec<&str> = Vec::new();
    let all: Vec<_> = merged.trim_start_matches('/').split('/').collect();
    let last = all.len().saturating_sub(1);
    for (at, segment) in all.into_iter().enumerate() {
        match segment {
            "." | ".." => {
                if segment == ".." {
                    segments.pop();
                }
                if at == last {
                    segments.push("");
                }
            }
            segment => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn references_are_resolved_within_the_origin() {
        let base: Uri = "/a/b/c?d".parse().unwrap();
        for (reference, expected) in [
            ("/x", Some("/x")),
            ("/x?y=1#z", Some("/x?y=1")),
            ("x", Some("/a/b/x")),
            ("x/", Some("/a/b/x/")),
            ("./x", Some("/a/b/x")),
            (".", Some("/a/b/")),
            ("..", Some("/a/")),
            ("../x", Some("/a/x")),
            ("../../../x", Some("/x")),
            ("?y", Some("/a/b/c?y")),
            ("", Some("/a/b/c?d")),
            ("#z", Some("/a/b/c?d")),
            ("http://example.com/x", Some("/x")),
            ("HTTPS://Example.COM:443/x", Some("/x")),
            ("//example.com:80/x", Some("/x")),
            ("http://example.com", Some("/")),
            ("http://example.com?y", Some("/?y")),
            ("http://example.com:8080/x", None),
            ("http://example.org/x", None),
            ("http://u@example.com/x", None),
            ("//example.org", None),
            ("mailto:x", None),
            ("http:x", None),
            ("x:y/z", None),
            ("x/y:z", Some("/a/b/x/y:z")),
            ("/x y", None),
        ] {
            let own = same_origin(&base, Some("example.com"), reference);
            let own = own.as_ref().map(PathAndQuery::as_str);
            assert_eq!(own, expected, "{reference:?}");
        }
        assert_eq!(same_origin(&base, None, "http://example.com/x"), None);
        let absolute: Uri = "http://example.org/a".parse().unwrap();
        let own = same_origin(&absolute, Some("example.com"), "http://example.org/x");
        assert_eq!(own.as_ref().map(PathAndQuery::as_str), Some("/x"));
    }

    proptest! {
        #[test]
        fn what_is_resolved_is_a_path_without_dots(reference in "[a-z./?#:]{0,20}") {
            let base: Uri = "/a/b".parse().unwrap();
            if let Some(own) = same_origin(&base, Some("h"), &reference) {
                let path = own.path();
                prop_assert!(path.starts_with('/'), "{path}");
                prop_assert!(!path.split('/').any(|segment| segment == ".."), "{path}");
            }
        }
    }
}
