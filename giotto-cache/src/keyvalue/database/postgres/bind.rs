//! The values of a statement, as one session of PostgreSQL wants them.
//!
//! Between a call and its statement.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row as _};

use crate::keyvalue::database::call::{Key, Reply, Row, Slice};

type PgQuery<'q> = Query<'q, Postgres, PgArguments>;

/// Binds values as one session wants them.
#[derive(Clone, Copy)]
pub(super) struct Binder {
    /// Whether statements are prepared under a name, for the next time.
    pub(super) is_kept: bool,
    /// Whether texts hold every character but NUL.
    pub(super) is_unicode: bool,
}

impl Binder {
    pub(super) fn query<'q>(self, sql: &Arc<str>) -> PgQuery<'q> {
        sqlx::query(AssertSqlSafe(Arc::clone(sql))).persistent(self.is_kept)
    }

    pub(super) fn key<'q>(self, sql: &Arc<str>, key: &'q Key) -> PgQuery<'q> {
        self.query(sql)
            .bind(&key.digest[..])
            .bind(self.text(&key.text))
    }

    pub(super) fn row<'q>(self, sql: &Arc<str>, row: &'q Row) -> PgQuery<'q> {
        self.key(sql, &row.key)
            .bind(&row.value[..])
            .bind(row.size_column())
            .bind(row.lifetime_ms)
    }

    pub(super) fn slice<'q>(self, sql: &Arc<str>, slice: &'q Slice) -> PgQuery<'q> {
        self.query(sql).bind(&slice.low[..]).bind(&slice.high[..])
    }

    pub(super) async fn get_many(
        self,
        sql: &Arc<str>,
        keys: &[Key],
        longest: i64,
        client: &mut PgConnection,
    ) -> sqlx::Result<Reply> {
        let digests: Vec<_> = keys.iter().map(|key| &key.digest[..]).collect();
        let texts: Vec<_> = keys.iter().map(|key| self.text(&key.text)).collect();
        let longest_key = texts
            .iter()
            .map(|text| text.len())
            .max()
            .unwrap_or_default();
        let query = self
            .query(sql)
            .bind(digests)
            .bind(longest)
            .bind(longest_key as i64);
        let mut found = HashMap::new();
        for row in query.fetch_all(client).await? {
            let (text, value): (String, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
            found.insert(text, Bytes::from(value));
        }
        let value = |text: Cow<'_, str>| found.get(&*text).cloned();
        Ok(Reply::values(texts.into_iter().map(value).collect()))
    }

    pub(super) fn text(self, text: &str) -> Cow<'_, str> {
        match self.is_unicode {
            true => without_nul(text),
            false => in_ascii(text),
        }
    }
}

/// The text as PostgreSQL can hold it, which has no NUL in its texts: the symbol for it, and a 0; and where
/// that symbol is in the text, twice the symbol, so that different keys stay different.
fn without_nul(text: &str) -> Cow<'_, str> {
    match text.contains(['\0', '\u{2400}']) {
        false => Cow::Borrowed(text),
        true => Cow::Owned(
            text.replace('\u{2400}', "\u{2400}\u{2400}")
                .replace('\0', "\u{2400}0"),
        ),
    }
}

/// The text as a database can hold it whose encoding knows few characters: `\u{4e2d}` for each that is not ASCII,
/// and twice the backslash, so that different keys stay different.
fn in_ascii(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| character.is_ascii() && !matches!(character, '\0' | '\\');
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(2 * text.len());
    for character in text.chars() {
        match character {
            '\\' => written.push_str("\\\\"),
            character if is_plain(character) => written.push(character),
            character => written.extend(character.escape_unicode()),
        }
    }
    Cow::Owned(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_nul_stay_readable_and_different() {
        assert_eq!(without_nul("{'x': 12}"), "{'x': 12}");
        assert_eq!(without_nul("a\0b"), "a\u{2400}0b");
        assert_eq!(without_nul("a\u{2400}b"), "a\u{2400}\u{2400}b");
        assert_ne!(without_nul("\u{2400}\0"), without_nul("\0\u{2400}"));
    }

    #[test]
    fn keys_in_a_database_of_few_characters_stay_different() {
        assert_eq!(in_ascii("{'x': 12}"), "{'x': 12}");
        assert_eq!(in_ascii("中\0"), "\\u{4e2d}\\u{0}");
        assert_eq!(in_ascii("\\u{4e2d}"), "\\\\u{4e2d}");
        assert_ne!(in_ascii("\\中"), in_ascii("\\\\u{4e2d}"));
        // What contains a part still does.
        assert!(in_ascii("{'x': '中é'}(squared)(text/html)").contains(&*in_ascii("é'}(squared)(")));
    }
}
