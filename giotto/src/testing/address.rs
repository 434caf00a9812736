//! Where a link, a form or a redirect of a page leads.
//!
//! No step of a request: between two requests of a [`Client`](super::Client).

/// The path of `address`, without its query.
pub(super) fn path(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or_default()
}

/// The address on this host to which `link` on the page at `base` leads (RFC 3986, 5.2, without its dots).
#[track_caller]
pub(super) fn resolve(base: &str, link: &str) -> String {
    let link = link.split('#').next().unwrap_or_default();
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| link.strip_prefix(scheme));
    if let Some(rest) = rest {
        let (host, local) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let is_local = host.split(':').next() == Some("localhost");
        assert!(is_local, "{link} leads to another host");
        return match local.starts_with('/') {
            true => local.to_owned(),
            false => format!("/{local}"),
        };
    }
    let page = path(base);
    match link.chars().next() {
        None => base.split('#').next().unwrap_or_default().to_owned(),
        Some('/') => link.to_owned(),
        Some('?') => format!("{page}{link}"),
        Some(_) => {
            let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{folder}/{link}")
        }
    }
}
