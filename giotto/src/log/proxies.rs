//! The client of a request: the peer of its connection, or who a trusted proxy says that it is.
//!
//! Read with the head of a request over HTTP.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// The proxies whose word is taken, and the field in which they give it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    pub(crate) networks: Vec<Network>,
    pub(crate) field: ClientField,
}

/// Where trusted proxies write the client. Only one field is read: a proxy passes the other on as the client has sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ClientField {
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// Addresses with the same first bits: `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u8,
}

/// What a proxy says that its client has asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told<'f> {
    pub(crate) scheme: Option<&'f str>,
    pub(crate) host: Option<&'f str>,
}

impl Proxies {
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.has(address))
    }

    /// The client behind the trusted `proxy`, by the values of the field in the order in which they stand.
    ///
    /// Each proxy appends who it was asked by. So the client is the last one that is not trusted itself: whatever stands before
    /// it may be made up. If a proxy does not tell an address, it is as far as is known.
    pub(crate) fn client<'f>(
        &self,
        proxy: IpAddr,
        values: impl DoubleEndedIterator<Item = &'f [u8]>,
    ) -> IpAddr {
        let mut known = proxy;
        for value in values.rev() {
            let Ok(value) = str::from_utf8(value) else {
                return known;
            };
            let hops = match self.field {
                ClientField::XForwardedFor => value.rsplit(',').map(node).collect(),
                ClientField::Forwarded => forwarded(value),
            };
            for hop in hops {
                match hop {
                    Some(address) if self.trust(address) => known = address,
                    Some(address) => return address,
                    None => return known,
                }
            }
        }
        known
    }
}

impl Proxies {
    /// What the proxy that has sent a request says of what its client has asked; `values` has those of a field, in the order
    /// in which they stand. Of several, the last one is its own.
    pub(crate) fn asked<'f>(&self, values: impl Fn(&str) -> Vec<&'f str>) -> Told<'f> {
        match self.field {
            ClientField::XForwardedFor => {
                let last = |name| {
                    let values = values(name);
                    values.last()?.rsplit(',').next().map(str::trim)
                };
                Told {
                    scheme: last("x-forwarded-proto"),
                    host: last("x-forwarded-host"),
                }
            }
            ClientField::Forwarded => {
                let values = values(self.field.name());
                let elements = values.last().map(|value| split(value, b','));
                let element = elements.and_then(|elements| elements.last().copied());
                let told = |name| element.and_then(|element| parameter(element, name));
                Told {
                    scheme: told("proto"),
                    host: told("host"),
                }
            }
        }
    }
}

impl ClientField {
    /// Its name in lower case.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

impl Network {
    fn has(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }

    /// The bits behind the first ones are all zero.
    const fn is_exact(&self) -> bool {
        match self.address {
            IpAddr::V4(address) => address.to_bits().trailing_zeros() + self.bits as u32 >= 32,
            IpAddr::V6(address) => address.to_bits().trailing_zeros() + self.bits as u32 >= 128,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits.parse().map_err(|_| ())?,
        };
        let network = Self { address, bits };
        match bits <= most && network.is_exact() {
            true => Ok(network),
            false => Err(()),
        }
    }
}

/// The hops that a value of `Forwarded` names in `for=`, the last one first; `None` for one that names no address.
fn forwarded(value: &str) -> Vec<Option<IpAddr>> {
    let elements = split(value, b',').into_iter();
    let mut hops: Vec<_> = elements.map(element).collect();
    hops.reverse();
    hops
}

fn element(element: &str) -> Option<IpAddr> {
    node(parameter(element, "for")?)
}

/// The value of the parameter `name` of an element, without quotes; `None` if it is given twice.
fn parameter<'e>(element: &'e str, name: &str) -> Option<&'e str> {
    let mut named = split(element, b';').into_iter().filter_map(|pair| {
        let (given, value) = pair.trim().split_once('=')?;
        given.eq_ignore_ascii_case(name).then_some(value)
    });
    let value = named.next()?;
    let bare = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    match named.next() {
        None => Some(bare.unwrap_or(value)),
        Some(_) => None,
    }
}

/// The parts of `text` between separators that stand outside of quotes.
fn split(text: &str, separator: u8) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            byte if byte == separator && !is_quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The address of a node, which may be in brackets and have a port (RFC 7239, 6).
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let in_brackets = || {
        let (address, port) = text.strip_prefix('[')?.split_once(']')?;
        let is_port = port.is_empty() || port.starts_with(':');
        is_port.then(|| address.parse().ok())?
    };
    let address = text.parse().ok().or_else(in_brackets);
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    Some(address?.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(field: ClientField) -> Proxies {
        let networks = ["10.0.0.0/8", "192.0.2.1", "2001:db8:1::/48"];
        Proxies {
            networks: networks.map(|network| network.parse().unwrap()).to_vec(),
            field,
        }
    }

    fn client(field: ClientField, values: &[&str]) -> String {
        let proxy = "10.1.2.3".parse().unwrap();
        let values = values.iter().map(|value| value.as_bytes());
        proxies(field).client(proxy, values).to_string()
    }

    #[test]
    fn the_client_is_the_last_one_that_is_not_trusted() {
        for (values, expected) in [
            (&[][..], "10.1.2.3"),
            (&["198.51.100.7"], "198.51.100.7"),
            (&["6.6.6.6, 198.51.100.7"], "198.51.100.7"),
            (&["6.6.6.6, 198.51.100.7, 10.9.9.9"], "198.51.100.7"),
            (&["6.6.6.6", "198.51.100.7,192.0.2.1"], "198.51.100.7"),
            (&["198.51.100.7", "10.9.9.9"], "198.51.100.7"),
            (&["10.8.8.8, 10.9.9.9"], "10.8.8.8"),
            (&["198.51.100.7:4711"], "198.51.100.7"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["[2001:db8::7]:4711, 2001:db8:1::1"], "2001:db8::7"),
            (&["::ffff:198.51.100.7"], "198.51.100.7"),
            // What is no address hides all before it.
            (&["198.51.100.7, unknown"], "10.1.2.3"),
            (&["198.51.100.7, unknown, 10.9.9.9"], "10.9.9.9"),
            (&["198.51.100.7,"], "10.1.2.3"),
            (&["198.51.100.7 10.9.9.9"], "10.1.2.3"),
            (&["\u{202e}1.2.3.4"], "10.1.2.3"),
            (&["1.2.3.4.5"], "10.1.2.3"),
            (&["[::1"], "10.1.2.3"),
            (&["[::1]x"], "10.1.2.3"),
        ] {
            let found = client(ClientField::XForwardedFor, values);
            assert_eq!(found, expected, "{values:?}");
        }
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_says() {
        for (values, expected) in [
            (&["for=198.51.100.7"][..], "198.51.100.7"),
            (&["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
            (
                &["for=198.51.100.7;proto=http;by=203.0.113.43"],
                "198.51.100.7",
            ),
            (
                &["proto=https; FOR=\"198.51.100.7:80\", for=10.9.9.9"],
                "198.51.100.7",
            ),
            (&["for=6.6.6.6, for=198.51.100.7"], "198.51.100.7"),
            (&["for=6.6.6.6", "for=198.51.100.7"], "198.51.100.7"),
            // Neither a comma in quotes nor an escaped quote ends an element.
            (&["for=6.6.6.6;a=\"x, for=7.7.7.7\""], "6.6.6.6"),
            (&["for=6.6.6.6;a=\"x\\\", for=7.7.7.7\""], "6.6.6.6"),
            (&["for=198.51.100.7, for=_hidden"], "10.1.2.3"),
            (&["for=198.51.100.7, for=unknown"], "10.1.2.3"),
            (&["for=198.51.100.7, by=10.9.9.9"], "10.1.2.3"),
            (&["for=198.51.100.7;for=6.6.6.6"], "10.1.2.3"),
            (&["for=\"198.51.100.7"], "10.1.2.3"),
            (&["for="], "10.1.2.3"),
        ] {
            let found = client(ClientField::Forwarded, values);
            assert_eq!(found, expected, "{values:?}");
        }
    }

    #[test]
    fn what_the_client_has_asked_is_what_the_last_proxy_says() {
        let asked = |field, values: &'static [(&str, &str)]| {
            let of = |name: &str| {
                let values = values.iter().filter(|(given, _)| *given == name);
                values.map(|(_, value)| *value).collect()
            };
            let Told { scheme, host } = proxies(field).asked(of);
            (scheme.unwrap_or("-"), host.unwrap_or("-"))
        };
        let forwarded_for = ClientField::XForwardedFor;
        for (values, expected) in [
            (&[][..], ("-", "-")),
            (&[("x-forwarded-proto", "https")], ("https", "-")),
            (&[("x-forwarded-host", "a.org")], ("-", "a.org")),
            (&[("x-forwarded-host", "evil.com, a.org")], ("-", "a.org")),
            (
                &[
                    ("x-forwarded-host", "evil.com"),
                    ("x-forwarded-host", "a.org"),
                ],
                ("-", "a.org"),
            ),
            (&[("forwarded", "proto=https;host=evil.com")], ("-", "-")),
        ] {
            assert_eq!(asked(forwarded_for, values), expected, "{values:?}");
        }
        for (values, expected) in [
            (&[("x-forwarded-host", "evil.com")][..], ("-", "-")),
            (
                &[(
                    "forwarded",
                    "host=evil.com, for=1.2.3.4;Proto=https;HOST=\"a.org:80\"",
                )],
                ("https", "a.org:80"),
            ),
            (
                &[("forwarded", "host=evil.com"), ("forwarded", "for=1.2.3.4")],
                ("-", "-"),
            ),
            (&[("forwarded", "host=evil.com;host=a.org")], ("-", "-")),
        ] {
            assert_eq!(
                asked(ClientField::Forwarded, values),
                expected,
                "{values:?}"
            );
        }
    }

    #[test]
    fn a_network_has_the_addresses_with_its_first_bits() {
        let has = |network: &str, address: &str| {
            let network: Network = network.parse().unwrap();
            network.has(address.parse().unwrap())
        };
        assert!(has("10.0.0.0/8", "10.255.0.1") && !has("10.0.0.0/8", "11.0.0.0"));
        assert!(has("10.0.0.1", "10.0.0.1") && !has("10.0.0.1", "10.0.0.2"));
        assert!(has("0.0.0.0/0", "1.2.3.4") && !has("0.0.0.0/0", "::1"));
        assert!(has("::/0", "::1") && has("2001:db8::/33", "2001:db8:7fff::1"));
        assert!(!has("2001:db8::/33", "2001:db8:8000::1"));
        for wrong in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/",
            "10.0.0.1/8",
            "::/129",
            "::1/64",
            "example.org",
            "10.0.0",
            "10.0.0.0/8/8",
            " 10.0.0.1",
            "[::1]",
        ] {
            assert_eq!(wrong.parse::<Network>(), Err(()), "{wrong}");
        }
    }
}
