//! The name of a host and a port (RFC 3986, 3.2.2; RFC 9110, 7.2).
//!
//! Part of the first step of an invocation over HTTP.

use std::cell::RefCell;
use std::net::Ipv6Addr;

/// The most bytes of a host that are kept. A name has 253 at most.
const MAX_KEPT: usize = 255;

thread_local! {
    /// The last text that was found to be a host: most requests name the same one as the request before.
    static LAST: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The characters of a name (`unreserved` and `sub-delims`).
static IS_IN_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = matches!(
            byte as u8,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z'
                | b'!' | b'$' | b'&'..=b'.' | b';' | b'=' | b'_' | b'~'
        );
        byte += 1;
    }
    table
};

/// Whether `text` is a host and perhaps a port. It may be empty.
#[inline]
pub(super) fn is_host(text: &[u8]) -> bool {
    LAST.with_borrow_mut(|last| *last == text || is_new_host(text, last))
}

/// The same for a text that is not the `last` host.
#[inline(never)]
fn is_new_host(text: &[u8], last: &mut Vec<u8>) -> bool {
    let is_host = is_name_and_more(text);
    if is_host && text.len() <= MAX_KEPT {
        last.clear();
        last.extend_from_slice(text);
    }
    is_host
}

fn is_name_and_more(text: &[u8]) -> bool {
    let after = after_name(text);
    match after {
        [] => true,
        [b':', port @ ..] => after.len() < text.len() && is_port(port),
        [b'[', rest @ ..] => after.len() == text.len() && is_literal_and_port(rest),
        [b'%', ..] => is_encoded(text),
        _ => false,
    }
}

/// What follows the first characters of a name.
fn after_name(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !IS_IN_NAME[usize::from(*byte)]);
    &text[end.unwrap_or(text.len())..]
}

/// Whether `text` is a port. Behind its colon it may be left out.
fn is_port(text: &[u8]) -> bool {
    let mut port = 0;
    text.iter().all(|digit| {
        port = port * 10 + u32::from(digit.wrapping_sub(b'0'));
        digit.is_ascii_digit() && port <= u32::from(u16::MAX)
    })
}

/// Whether `text` is an address in brackets, without the first, and perhaps a port.
fn is_literal_and_port(text: &[u8]) -> bool {
    let Some(end) = text.iter().position(|byte| *byte == b']') else {
        return false;
    };
    let (address, after) = (&text[..end], &text[end + 1..]);
    let is_address = match address {
        [b'v' | b'V', version @ ..] => is_future(version),
        _ => str::from_utf8(address).is_ok_and(|address| address.parse::<Ipv6Addr>().is_ok()),
    };
    is_address && matches!(after, [] | [b':', ..]) && is_port(after.get(1..).unwrap_or_default())
}

/// Whether `text` is an `IPvFuture` without its `v`.
fn is_future(text: &[u8]) -> bool {
    let Some(dot) = text.iter().position(|byte| *byte == b'.') else {
        return false;
    };
    let (version, address) = (&text[..dot], &text[dot + 1..]);
    let is_in_address = |byte: &u8| IS_IN_NAME[usize::from(*byte)] || *byte == b':';
    !version.is_empty()
        && version.iter().all(u8::is_ascii_hexdigit)
        && !address.is_empty()
        && address.iter().all(is_in_address)
}

/// Whether `text` is a name with encoded characters, and perhaps a port.
fn is_encoded(mut text: &[u8]) -> bool {
    loop {
        text = match after_name(text) {
            [] => return true,
            [b':', port @ ..] => return is_port(port),
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_what_the_grammar_says() {
        for host in [
            "",
            "a",
            "a.b-c_d~e.",
            "a:80",
            "a:",
            "a:0",
            "a:65535",
            "a:000080",
            "127.0.0.1:8080",
            "1.2.3.4.5",
            "!$&'()*+,;=",
            "%61b",
            "a%2Fb:80",
            "%C3%A4",
            "[::1]",
            "[::1]:80",
            "[::1]:",
            "[2001:DB8::ffff:1.2.3.4]",
            "[v1.a]",
            "[vF.a:b]:1",
            "[V1f.::]",
        ] {
            for _ in 0..2 {
                assert!(is_host(host.as_bytes()), "{host}");
            }
        }
        for host in [
            ":",
            ":80",
            "a:b",
            "a:b:c",
            "a:80:80",
            "a:80a",
            "a:-1",
            "a:+1",
            "a:65536",
            "a:99999999999999999999",
            "a:80/",
            "::1",
            "::1:80",
            "1:2",
            "[::1",
            "::1]",
            "[]",
            "[]:80",
            "[zz]",
            "[::1]80",
            "[::1]a:80",
            "[::1]:b",
            "[::1]:65536",
            "a[::1]",
            "[[::1]]",
            "[::1%25eth0]",
            "[::1]]",
            "[1.2.3.4]",
            "[v.a]",
            "[v1.]",
            "[v1]",
            "[vg.a]",
            "[v1.a/]",
            "u@a",
            "u:p@a",
            "@a",
            "a@",
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "a\"",
            "<a>",
            "a^",
            "a`",
            "a{",
            "a|",
            "%",
            "%6",
            "%6g",
            "%zz:80",
            "a%",
            "%61:b",
            "a\t",
            "\u{e4}",
        ] {
            assert_eq!(is_host(host.as_bytes()), host == "1:2", "{host}");
        }
        let long = format!("{}:80", "%61".repeat(10_000));
        assert!(is_host(long.as_bytes()) && !is_host(format!("{long}:").as_bytes()));
    }
}
