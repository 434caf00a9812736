//! Dictionaries and lists of structured fields (RFC 9651), as far as a cache reads them: `CDN-Cache-Control`, `Cache-Groups`.
//!
//! A ground file of the rules. All types are parsed, so that a field with any syntax error is one: such a field is ignored as
//! a whole (RFC 9651, 4.2). Parameters, inner lists and the types that no rule here uses are checked and left out.

use http::{HeaderMap, HeaderName};

/// An item (RFC 9651, 3.3), as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Integer(i64),
    Boolean(bool),
    String(String),
    /// A value of another type.
    Other,
}

/// The members of the dictionary in the field `name`, the last of each key. `None` if it is absent, empty or not well-formed.
pub(super) fn dictionary(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<(String, Item)>> {
    let text = combined(headers, name)?;
    let mut input = Input(text.as_bytes());
    let mut members: Vec<(String, Item)> = Vec::new();
    input.list(|input| {
        let key = input.key()?;
        let item = match input.take(b'=') {
            true => input.member()?,
            false => Item::Boolean(true),
        };
        input.parameters()?;
        members.retain(|(other, _)| *other != key);
        members.push((key, item));
        Some(())
    })?;
    (!members.is_empty()).then_some(members)
}

/// The members of the list in the field `name`. `None` if it is absent, empty or not well-formed.
pub(super) fn list(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<Item>> {
    let text = combined(headers, name)?;
    let mut input = Input(text.as_bytes());
    let mut members = Vec::new();
    input.list(|input| {
        members.push(input.member()?);
        input.parameters()
    })?;
    (!members.is_empty()).then_some(members)
}

/// All lines of a field as one (RFC 9651, 4.2): ASCII only.
fn combined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Option<Vec<_>> = headers
        .get_all(name)
        .iter()
        .map(|line| std::str::from_utf8(line.as_bytes()).ok())
        .collect();
    let text = lines?.join(",");
    (text.is_ascii() && !text.is_empty()).then_some(text)
}

struct Input<'t>(&'t [u8]);

impl Input<'_> {
    /// Members between commas, to the end of the input.
    fn list(&mut self, mut member: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.skip(b" ");
        while !self.0.is_empty() {
            member(self)?;
            self.skip(b" \t");
            if self.0.is_empty() {
                return Some(());
            }
            self.expect(b',')?;
            self.skip(b" \t");
            // A comma at the end is an error (RFC 9651, 4.2.1).
            self.0.first()?;
        }
        Some(())
    }

    fn member(&mut self) -> Option<Item> {
        match self.take(b'(') {
            true => self.inner_list(),
            false => self.item(),
        }
    }

    fn inner_list(&mut self) -> Option<Item> {
        loop {
            self.skip(b" ");
            if self.take(b')') {
                return Some(Item::Other);
            }
            self.item()?;
            self.parameters()?;
            matches!(self.0.first()?, b' ' | b')').then_some(())?;
        }
    }

    fn item(&mut self) -> Option<Item> {
        match self.0.first()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => self.string(),
            b'?' => {
                let value = self.0.get(1)?;
                matches!(value, b'0' | b'1').then_some(())?;
                let value = Item::Boolean(*value == b'1');
                self.0 = &self.0[2..];
                Some(value)
            }
            b'@' => {
                self.expect(b'@')?;
                matches!(self.number()?, Item::Integer(_)).then_some(Item::Other)
            }
            b'%' => {
                self.expect(b'%')?;
                self.string().map(|_| Item::Other)
            }
            b':' => {
                self.expect(b':')?;
                self.while_(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
                self.expect(b':').map(|()| Item::Other)
            }
            b'*' | b'a'..=b'z' | b'A'..=b'Z' => {
                self.while_(|byte| {
                    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte)
                });
                Some(Item::Other)
            }
            _ => None,
        }
    }

    /// An integer of at most 15 digits, or a decimal of at most 12 digits before its point and 3 behind.
    fn number(&mut self) -> Option<Item> {
        let negative = self.take(b'-');
        let digits = self.while_(|byte| byte.is_ascii_digit());
        let whole: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        if !self.take(b'.') {
            let whole = if negative { -whole } else { whole };
            return (digits.len() <= 15).then_some(Item::Integer(whole));
        }
        let fraction = self.while_(|byte| byte.is_ascii_digit());
        let fits = digits.len() <= 12 && (1..=3).contains(&fraction.len());
        fits.then_some(Item::Other)
    }

    fn string(&mut self) -> Option<Item> {
        self.expect(b'"')?;
        let mut text = String::new();
        loop {
            let byte = *self.0.first()?;
            self.0 = &self.0[1..];
            match byte {
                b'"' => return Some(Item::String(text)),
                b'\\' => {
                    let escaped = *self.0.first()?;
                    matches!(escaped, b'"' | b'\\').then_some(())?;
                    text.push(char::from(escaped));
                    self.0 = &self.0[1..];
                }
                b' '..=b'~' => text.push(char::from(byte)),
                _ => return None,
            }
        }
    }

    fn parameters(&mut self) -> Option<()> {
        while self.take(b';') {
            self.skip(b" ");
            self.key()?;
            if self.take(b'=') {
                self.item()?;
            }
        }
        Some(())
    }

    fn key(&mut self) -> Option<String> {
        matches!(self.0.first()?, b'a'..=b'z' | b'*').then_some(())?;
        let key = self
            .while_(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'));
        String::from_utf8(key.to_vec()).ok()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn skip(&mut self, bytes: &[u8]) {
        self.while_(|byte| bytes.contains(&byte));
    }
}

impl<'t> Input<'t> {
    fn while_(&mut self, is: impl Fn(u8) -> bool) -> &'t [u8] {
        let end = self.0.iter().position(|&byte| !is(byte));
        let (found, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        found
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const NAME: HeaderName = HeaderName::from_static("cdn-cache-control");

    fn of(lines: &[&str]) -> HeaderMap {
        let lines = lines.iter().map(|line| HeaderValue::from_str(line));
        lines.map(|line| (NAME, line.unwrap())).collect()
    }

    #[test]
    fn a_dictionary_is_read_whole_or_not_at_all() {
        use Item::{Boolean, Integer, Other};
        let text = |text: &str| Item::String(text.to_owned());
        type Members<'m> = Option<Vec<(&'m str, Item)>>;
        let cases: [(&[&str], Members<'_>); 30] = [
            (&["max-age=60"], Some(vec![("max-age", Integer(60))])),
            (&["max-age=-60"], Some(vec![("max-age", Integer(-60))])),
            (&["max-age=60.5"], Some(vec![("max-age", Other)])),
            (&["max-age=\"60\""], Some(vec![("max-age", text("60"))])),
            (
                &["a, b=?0"],
                Some(vec![("a", Boolean(true)), ("b", Boolean(false))]),
            ),
            (
                &["a=1", "b=2"],
                Some(vec![("a", Integer(1)), ("b", Integer(2))]),
            ),
            (&["a=1,\t a=2"], Some(vec![("a", Integer(2))])),
            (
                &["a;x=1;y, b=tok/en"],
                Some(vec![("a", Boolean(true)), ("b", Other)]),
            ),
            (&["a=(1 \"x\";p 2)"], Some(vec![("a", Other)])),
            (
                &["a=:aGk=:, b=@12, c=%\"x\""],
                Some(vec![("a", Other), ("b", Other), ("c", Other)]),
            ),
            (&["a=\"x\\\"y\""], Some(vec![("a", text("x\"y"))])),
            (&[], None),
            (&[""], None),
            (&["max-age=60,"], None),
            (&["max-age=60, &&&&"], None),
            (&["Max-Age=60"], None),
            (&["max-age =60"], None),
            (&["max-age= 60"], None),
            (&["max-age=60 no-store"], None),
            (&["max-age=1234567890123456"], None),
            (&["a=1."], None),
            (&["a=\"x"], None),
            (&["a=\"\\x\""], None),
            (&["a=(1"], None),
            (&["a=(1,2)"], None),
            (&["a=?2"], None),
            (&["a=:x"], None),
            (&["a=@1.5"], None),
            (&["a=;x"], None),
            (&["1=a"], None),
        ];
        for (lines, expected) in cases {
            let own = |(key, item): (&str, Item)| (key.to_owned(), item);
            let expected = expected.map(|members| members.into_iter().map(own).collect());
            assert_eq!(dictionary(&of(lines), &NAME), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        let strings = list(&of(&["\"a\", \"b\";x", "\"c\""]), &NAME);
        let expected = ["a", "b", "c"].map(|text| Item::String(text.to_owned()));
        assert_eq!(strings, Some(expected.to_vec()));
        assert_eq!(list(&of(&["\"a\" \"b\""]), &NAME), None);
    }

    proptest! {
        #[test]
        fn no_field_is_too_wild(line in "[ -~\t]{0,40}") {
            let headers = of(&[&line]);
            let _ = (dictionary(&headers, &NAME), list(&headers, &NAME));
        }
    }
}
