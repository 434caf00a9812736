//! The name of the table, as each dialect of SQL quotes it.
//!
//! The only text that is put into a statement; keys, values and numbers are bound.

use crate::{Error, ErrorKind, Result};

/// The indexes are named after the table, and PostgreSQL cuts names off after 63 bytes.
const LONGEST: usize = 50;

#[derive(Clone)]
pub(super) struct Table {
    name: String,
}

impl Table {
    pub(super) fn new(name: String) -> Result<Self> {
        if name.is_empty() || name.len() > LONGEST || name.contains(char::is_control) {
            let message = format!(
                "the cache table {name:?} must have a name of 1 to {LONGEST} bytes without control characters"
            );
            return Err(Error::new(ErrorKind::Policy, message));
        }
        Ok(Self { name })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The name of the table, or with a `suffix` of one of its indexes, between two `quote`s.
    pub(super) fn quoted(&self, suffix: &str, quote: char) -> String {
        let (single, double) = (String::from(quote), format!("{quote}{quote}"));
        let name = self.name.replace(&single, &double);
        format!("{quote}{name}{suffix}{quote}")
    }
}

impl Default for Table {
    fn default() -> Self {
        Self {
            name: "giotto_cache".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_or_refused() {
        let table = Table::new("a \"cache`'".into()).unwrap();
        assert_eq!(table.quoted("", '"'), "\"a \"\"cache`'\"");
        assert_eq!(table.quoted("_expires", '`'), "`a \"cache``'_expires`");
        for name in ["", "a\0", "a\n", &"x".repeat(51)] {
            let error = Table::new(name.into()).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Policy, "{name:?}");
        }
    }
}
