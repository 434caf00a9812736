//! `traceparent`, by which a caller says of which trace a request is a part (W3C Trace Context).
//!
//! Read with the head of a request over HTTP.

/// A sound `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceParent {
    /// 32 digits of hexadecimal.
    pub(crate) trace_id: [u8; 32],
    /// 16 digits: the span of the caller.
    pub(crate) parent_id: [u8; 16],
    /// Two digits.
    pub(crate) flags: [u8; 2],
}

impl TraceParent {
    /// What `field` says; `None` if it is not sound: then the request begins a trace of its own.
    pub(crate) fn read(field: &[u8]) -> Option<Self> {
        let (version, rest) = field.split_first_chunk::<2>()?;
        let (trace_id, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<32>()?;
        let (parent_id, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<16>()?;
        let (flags, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<2>()?;
        // A later version may have more behind it, but no other beginning.
        let is_whole = match version {
            b"00" => rest.is_empty(),
            b"ff" => false,
            _ => rest.is_empty() || rest.starts_with(b"-"),
        };
        let is_id = |id: &[u8]| is_hexadecimal(id) && id.iter().any(|digit| *digit != b'0');
        let is_sound = is_whole
            && is_hexadecimal(version)
            && is_hexadecimal(flags)
            && is_id(trace_id)
            && is_id(parent_id);
        is_sound.then_some(Self {
            trace_id: *trace_id,
            parent_id: *parent_id,
            flags: *flags,
        })
    }
}

fn is_hexadecimal(digits: &[u8]) -> bool {
    let is_digit = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    digits.iter().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_what_the_recommendation_says() {
        let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        for sound in [
            format!("00-{trace}-{parent}-01"),
            format!("00-{trace}-{parent}-00"),
            format!("00-{trace}-{parent}-ff"),
            format!("01-{trace}-{parent}-01"),
            format!("cc-{trace}-{parent}-01-what-comes-later"),
        ] {
            let read = TraceParent::read(sound.as_bytes()).unwrap();
            assert_eq!(read.trace_id, trace.as_bytes());
            assert_eq!(read.parent_id, parent.as_bytes());
            assert_eq!(&read.flags, &sound.as_bytes()[53..55]);
        }
        let zeros = |count| "0".repeat(count);
        for wrong in [
            String::new(),
            "00".to_owned(),
            format!("00-{trace}-{parent}"),
            format!("00-{trace}-{parent}-0"),
            format!("00-{trace}-{parent}-01-"),
            format!("00-{trace}-{parent}-01 "),
            format!("ff-{trace}-{parent}-01"),
            format!("0g-{trace}-{parent}-01"),
            format!("cc-{trace}-{parent}-01x"),
            format!("00-{}-{parent}-01", zeros(32)),
            format!("00-{trace}-{}-01", zeros(16)),
            format!("00-{}-{parent}-01", trace.to_uppercase()),
            format!("00-{trace}-{parent}-0A"),
            format!("00-{}-{parent}-01", &trace[1..]),
            format!("00_{trace}_{parent}_01"),
            format!(" 00-{trace}-{parent}-01"),
        ] {
            assert_eq!(TraceParent::read(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
