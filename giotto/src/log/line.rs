//! One line of a log, written field by field as text or as JSON.
//!
//! Beside every step.

use std::io::Write;
use std::ops::BitOr;
use std::time::{Duration, SystemTime};

use giotto_cache::log::is_control;

use super::format::Format;
use super::time::write_time;

/// The most bytes of a text that are written, as escaped. The rest is counted.
const MAX_TEXT: usize = 240;

/// A line that is being written. What stands in it never ends it: control characters are escaped.
#[derive(Debug)]
pub(crate) struct Line<'o> {
    out: &'o mut Vec<u8>,
    format: Format,
}

impl<'o> Line<'o> {
    /// Begins a line with its `time`.
    pub(crate) fn begin(out: &'o mut Vec<u8>, format: Format, time: SystemTime) -> Self {
        match format {
            Format::Text => write_time(out, time),
            Format::Json => {
                out.extend_from_slice(b"{\"time\":\"");
                write_time(out, time);
                out.push(b'"');
            }
        }
        Self { out, format }
    }

    /// Adds a text, which may come from outside: it is cut after 240 bytes.
    #[inline(always)]
    pub(crate) fn text(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.name(name);
        let value = value.as_ref();
        let is_bare = |byte| matches!(byte, b'!'..=b'~') & !matches!(byte, b'"' | b'\\' | b'=');
        if self.format == Format::Text && is_short(value) && all(value, is_bare) {
            self.out.extend_from_slice(value);
            return;
        }
        self.quoted(value, MAX_TEXT);
    }

    /// Adds a text of the program itself, of any length.
    pub(crate) fn whole(&mut self, name: &str, value: &str) {
        self.name(name);
        self.quoted(value.as_bytes(), usize::MAX);
    }

    /// Adds a text of visible characters without quotes.
    #[inline(always)]
    pub(crate) fn plain(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        match self.format {
            Format::Text => self.out.extend_from_slice(value),
            Format::Json => {
                self.out.push(b'"');
                self.out.extend_from_slice(value);
                self.out.push(b'"');
            }
        }
    }

    /// Adds what is written as it is: a number, `true`.
    #[inline(always)]
    pub(crate) fn literal(&mut self, name: &str, value: &str) {
        self.name(name);
        self.out.extend_from_slice(value.as_bytes());
    }

    #[inline(always)]
    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.literal(name, itoa::Buffer::new().format(value));
    }

    /// Adds a time in seconds, to the microsecond.
    pub(crate) fn seconds(&mut self, name: &str, value: Duration) {
        self.number(name, value.as_secs());
        let mut fraction = *b".000000";
        let mut rest = value.subsec_micros();
        for digit in fraction[1..].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.out.extend_from_slice(&fraction);
    }

    /// Ends the line.
    pub(crate) fn end(self) {
        match self.format {
            Format::Text => self.out.push(b'\n'),
            Format::Json => self.out.extend_from_slice(b"}\n"),
        }
    }

    /// Inlined, here and above, so that the length of a name is known where it is written.
    #[inline(always)]
    fn name(&mut self, name: &str) {
        match self.format {
            Format::Text => {
                self.out.push(b' ');
                self.out.extend_from_slice(name.as_bytes());
                self.out.push(b'=');
            }
            Format::Json => {
                self.out.extend_from_slice(b",\"");
                self.out.extend_from_slice(name.as_bytes());
                self.out.extend_from_slice(b"\":");
            }
        }
    }

    /// Writes `value` as a string of JSON, in which nothing is left that a terminal would obey.
    fn quoted(&mut self, value: &[u8], room: usize) {
        self.out.push(b'"');
        let is_plain = |byte| matches!(byte, b' '..=b'~') & !matches!(byte, b'"' | b'\\');
        match value.len() <= room && all(value, is_plain) {
            true => self.out.extend_from_slice(value),
            false => self.escaped(&String::from_utf8_lossy(value), room),
        }
        self.out.push(b'"');
    }

    fn escaped(&mut self, value: &str, room: usize) {
        let start = self.out.len();
        for character in value.chars() {
            let before = self.out.len();
            match character {
                '"' | '\\' => self.out.extend_from_slice(&[b'\\', character as u8]),
                '\n' => self.out.extend_from_slice(b"\\n"),
                '\r' => self.out.extend_from_slice(b"\\r"),
                '\t' => self.out.extend_from_slice(b"\\t"),
                // All of them are below U+10000.
                control if is_control(control) => {
                    let _ = write!(self.out, "\\u{:04x}", u32::from(control));
                }
                other => {
                    let encoded = other.encode_utf8(&mut [0; 4]).len();
                    let from = self.out.len();
                    self.out.resize(from + encoded, 0);
                    other.encode_utf8(&mut self.out[from..]);
                }
            }
            if self.out.len() - start > room {
                self.out.truncate(before);
                let _ = write!(self.out, "… ({} bytes)", value.len());
                return;
            }
        }
    }
}

/// Whether all bytes of `text` are such, as `0` is. It looks at 16 of them at once, without a branch: most texts are.
#[inline(always)]
fn all(text: &[u8], is_such: impl Fn(u8) -> bool) -> bool {
    let are = |block: &[u8; 16]| {
        let others = block.iter().map(|byte| u8::from(!is_such(*byte)));
        others.fold(0, BitOr::bitor) == 0
    };
    let (blocks, rest) = text.as_chunks();
    let mut last = [b'0'; 16];
    last[..rest.len()].copy_from_slice(rest);
    blocks.iter().all(are) && are(&last)
}

const fn is_short(value: &[u8]) -> bool {
    !value.is_empty() && value.len() <= MAX_TEXT
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn line(format: Format, fill: impl Fn(&mut Line<'_>)) -> String {
        let mut out = Vec::new();
        let mut line = Line::begin(&mut out, format, UNIX_EPOCH);
        fill(&mut line);
        line.end();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_is_text_or_json() {
        let fill = |line: &mut Line<'_>| {
            line.text("path", "/price");
            line.text("query", "sku=a b");
            line.text("empty", "");
            line.plain("method", b"GET");
            line.number("status", 200);
            line.literal("cut", "true");
            line.seconds("seconds", Duration::from_micros(1_000_184));
        };
        assert_eq!(
            line(Format::Text, fill),
            "1970-01-01T00:00:00.000Z path=/price query=\"sku=a b\" empty=\"\" method=GET status=200 cut=true seconds=1.000184\n"
        );
        assert_eq!(
            line(Format::Json, fill),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"path\":\"/price\",\"query\":\"sku=a b\",\"empty\":\"\",\"method\":\"GET\",\
             \"status\":200,\"cut\":true,\"seconds\":1.000184}\n"
        );
    }

    #[test]
    fn what_comes_from_outside_is_escaped_and_cut_in_both_forms() {
        let hostile = "a\r\nb\x1b[31m\u{9b}\u{202e}\"\\\0ü";
        for format in [Format::Text, Format::Json] {
            let line = line(format, |line| line.text("path", hostile));
            let shown = r#"a\r\nb\u001b[31m\u009b\u202e\"\\\u0000ü"#;
            assert!(line.contains(shown), "{line}");
        }
        for hostile in ["x", "ü", "\x07", "\"", "\u{1F600}"] {
            let hostile = hostile.repeat(15_000);
            let json = line(Format::Json, |line| line.text("path", &hostile));
            assert!(json.len() < 320, "{json}");
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            let path = value["path"].as_str().unwrap();
            let (kept, rest) = path.split_once("… (").unwrap();
            assert!(hostile.starts_with(kept) && !kept.is_empty(), "{json}");
            assert_eq!(rest, format!("{} bytes)", hostile.len()));
            let text = line(Format::Text, |line| line.text("path", &hostile));
            assert!(
                text.len() < 320 && text.matches('\n').count() == 1,
                "{text}"
            );
        }
    }
}
