//! The name of the table, as each dialect of SQL quotes it.
//!
//! The only text that is put into a statement; keys, values and numbers are bound.

use crate::error::{Error, ErrorKind, Result};

/// The indexes are named after the table, and PostgreSQL cuts names off after 63 bytes.
const LONGEST: usize = 50;

#[derive(Clone)]
pub(super) struct Table {
    schema: Option<String>,
    name: String,
}

impl Table {
    /// `pages`, or `side.pages` for the table `pages` in the schema `side`.
    pub(super) fn new(text: &str, has_schemas: bool) -> Result<Self> {
        let (schema, name) = match text.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, text),
        };
        let is_name =
            |name: &str| (1..=LONGEST).contains(&name.len()) && !name.contains(char::is_control);
        let problem = if schema.is_some() && !has_schemas {
            format!(
                "has no schemas in SQLite: write table = {:?}",
                text.replace('.', "_")
            )
        } else if name.contains('.') {
            "can be a table or schema.table, with no other dots".to_owned()
        } else if ![Some(name), schema].into_iter().flatten().all(is_name) {
            format!("must have a name of 1 to {LONGEST} bytes without control characters")
        } else {
            return Ok(Self {
                schema: schema.map(str::to_owned),
                name: name.to_owned(),
            });
        };
        let message = format!("the cache table {text:?} {problem}");
        Err(Error::new(ErrorKind::Configuration, message))
    }

    /// As it was configured.
    pub(super) fn name(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{schema}.{}", self.name),
            None => self.name.clone(),
        }
    }

    /// The table, between two `quote`s, as is its schema.
    pub(super) fn quoted(&self, quote: char) -> String {
        let name = quoted(&self.name, quote);
        match &self.schema {
            Some(schema) => format!("{}.{name}", quoted(schema, quote)),
            None => name,
        }
    }

    /// The index with this `suffix`, between two `quote`s; it is in the schema of its table.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(super) fn index(&self, suffix: &str, quote: char) -> String {
        quoted(&format!("{}{suffix}", self.name), quote)
    }
}

fn quoted(name: &str, quote: char) -> String {
    let name = name.replace(quote, &format!("{quote}{quote}"));
    format!("{quote}{name}{quote}")
}

impl Default for Table {
    fn default() -> Self {
        Self {
            schema: None,
            name: "giotto_cache".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_or_refused() {
        let table = Table::new("a \"cache`'", false).unwrap();
        assert_eq!(table.quoted('"'), "\"a \"\"cache`'\"");
        assert_eq!(table.index("_expires", '`'), "`a \"cache``'_expires`");
        for name in ["", "a\0", "a\n", &"x".repeat(51)] {
            let error = Table::new(name, true).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{name:?}");
        }
    }

    #[test]
    fn a_dot_parts_the_schema_from_the_table() {
        let table = Table::new("si\"de.pages", true).unwrap();
        assert_eq!(table.name(), "si\"de.pages");
        assert_eq!(table.quoted('"'), "\"si\"\"de\".\"pages\"");
        assert_eq!(table.index("_stored", '"'), "\"pages_stored\"");
        for name in [".pages", "side.", "a.b.c", "."] {
            assert!(Table::new(name, true).is_err(), "{name}");
        }
        let error = Table::new("side.pages", false).err().unwrap().to_string();
        assert!(error.ends_with("write table = \"side_pages\""), "{error}");
    }
}
