//! Who may ask the admin listener: nobody through a page of another site.
//!
//! The first step of a request to the admin listener.
//!
//! A browser on the operator's machine reaches the listener. A page of another site may have it ask there: by a name that
//! leads to 127.0.0.1 (DNS rebinding), which shows in `Host`, or by a form, which shows in `Origin` and `Sec-Fetch-Site`.

use std::net::{IpAddr, Ipv6Addr};

use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;

use super::access::Access;

/// Why a request is refused.
pub(super) fn refused(access: &Access, head: &Parts, changes: bool) -> Option<&'static str> {
    if let Some(hosts) = &access.hosts {
        let given = head.headers.get_all(HOST).iter();
        let mut given = given.map(|host| host.to_str().ok()?.parse::<Authority>().ok());
        let is_own = |host: Option<Authority>| host.is_some_and(|host| is_own(&host, hosts));
        if !given.all(is_own)
            || head
                .uri
                .authority()
                .is_some_and(|host| !is_own(Some(host.clone())))
        {
            return Some(
                "this host is not one of the admin listener: use its address, localhost, or a name in admin.hosts",
            );
        }
    }
    if is_embedded(head) || changes && !is_same_origin(head) {
        return Some("a page of another site has sent this request");
    }
    if changes && access.hosts.is_some() && access.peer.is_some_and(|peer| !peer.ip().is_loopback())
    {
        return Some("only this machine may change the cache here");
    }
    None
}

/// Whether `host` is an address, which no name service can bend, or a name of this machine.
fn is_own(host: &Authority, names: &[String]) -> bool {
    let name = host.host().to_ascii_lowercase();
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let is_address = match bare {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => name.parse::<IpAddr>().is_ok(),
    };
    let name = name.trim_end_matches('.');
    is_address
        || name == "localhost"
        || name.ends_with(".localhost")
        || names.iter().any(|known| known == name)
}

/// Whether a page of another site asks for a part of itself: it cannot read the answer, but it could hold all streams of events.
fn is_embedded(head: &Parts) -> bool {
    let is = |name: &str, value: &[u8]| {
        head.headers
            .get(name)
            .is_some_and(|own| own.as_bytes() == value)
    };
    let is_link = is("sec-fetch-mode", b"navigate") && is("sec-fetch-dest", b"document");
    (is("sec-fetch-site", b"cross-site") || is("sec-fetch-site", b"same-site")) && !is_link
}

/// Whether the request is from a page of this listener, or from no page: browsers say where a form is from.
fn is_same_origin(head: &Parts) -> bool {
    let field = |name: &str| {
        head.headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    if let Some(site) = field("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = field(ORIGIN.as_str()) else {
        return true;
    };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.is_some() && authority == field(HOST.as_str())
}
