//! JSON as a person reads it: one member a line.
//!
//! The last step of an invocation on the command line. Only a terminal gets it; a file or another program gets the page byte
//! for byte. Every token stays as it is, so that no number loses a digit.

use serde::de::IgnoredAny;

use crate::mime::Mime;

/// Whether pages of `mime` are JSON.
pub(super) fn is_json(mime: &Mime) -> bool {
    let essence = mime.essence();
    essence == "application/json" || essence.ends_with("+json")
}

/// `json` with line breaks and indentation; `None` if it is not one value of JSON.
pub(super) fn pretty(json: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice::<IgnoredAny>(json).ok()?;
    let mut text = Text::default();
    let mut rest = json;
    while let Some((first, after)) = rest.split_first() {
        let (token, after) = match first {
            b'"' => rest.split_at(length_of_string(rest)),
            _ => (&rest[..1], after),
        };
        text.add(token, next(after));
        rest = after;
    }
    text.bytes.push(b'\n');
    Some(text.bytes)
}

#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    depth: usize,
    /// The last byte that is not space.
    last: u8,
}

impl Text {
    /// Adds `token`, which is followed by the byte `next`.
    fn add(&mut self, token: &[u8], next: u8) {
        match token {
            b" " | b"\n" | b"\r" | b"\t" => return,
            b"{" | b"[" => {
                self.bytes.extend(token);
                self.depth += 1;
                if !matches!(next, b'}' | b']') {
                    self.line();
                }
            }
            b"}" | b"]" => {
                self.depth = self.depth.saturating_sub(1);
                if !matches!(self.last, b'{' | b'[') {
                    self.line();
                }
                self.bytes.extend(token);
            }
            b"," => {
                self.bytes.extend(token);
                self.line();
            }
            b":" => self.bytes.extend(b": "),
            token => self.bytes.extend(token),
        }
        self.last = token[0];
    }

    fn line(&mut self) {
        self.bytes.push(b'\n');
        self.bytes.resize(self.bytes.len() + 2 * self.depth, b' ');
    }
}

/// The first byte of `rest` that is not space; 0 at the end.
fn next(rest: &[u8]) -> u8 {
    rest.trim_ascii_start().first().copied().unwrap_or_default()
}

/// The bytes of the string at the beginning of `json`, with its quotes.
fn length_of_string(json: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = json.iter().skip(1).position(|byte| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    });
    end.map_or(json.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> Option<String> {
        Some(String::from_utf8(pretty(json.as_bytes())?).unwrap())
    }

    #[test]
    fn every_token_stays_as_it_is() {
        let json = r#" {"a" : [1,{"b\"}":"x, y: [\\"}, [], { } ],"n":12345678901234567890123.10e-7,"":null}"#;
        let expected = r#"{
  "a": [
    1,
    {
      "b\"}": "x, y: [\\"
    },
    [],
    {}
  ],
  "n": 12345678901234567890123.10e-7,
  "": null
}
"#;
        assert_eq!(shown(json).as_deref(), Some(expected));
        assert_eq!(shown("[]").as_deref(), Some("[]\n"));
        assert_eq!(shown("\"a b\"").as_deref(), Some("\"a b\"\n"));
        for wrong in ["", "{", "[1,]", "a", "1 2", "{\"a\":1}x"] {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
    }
}
