//! Any value as a page of HTML: a heading, facts, and a table for each list.
//!
//! Step 6 of an invocation.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::table::{Table, inline, is_fact, is_scalar};
use crate::error::{InvalidInput, Result};
use crate::view::document::{CLOSE, open};
use crate::view::escape::escape_html;
use crate::view::renderer::Rendering;

/// One element, so that one hash in a `Content-Security-Policy` allows it. Translucent greys suit both colour schemes.
const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:0 auto;padding:1.5rem 1rem 4rem}\
h1{font-size:1.75rem;line-height:1.25;margin:0 0 1.25rem}\
h1::first-letter{text-transform:uppercase}\
h2{font-size:1.2rem;line-height:1.3;margin:2rem 0 .6rem}\
h1,h2,dd,td,li{overflow-wrap:break-word}\
dl{display:grid;grid-template-columns:fit-content(40%) 1fr;gap:.25rem 1.5rem;margin:0}\
dt{font-weight:600}dd{margin:0;min-width:0}td dl{grid-template-columns:max-content 1fr;gap:0 .75rem}\
.scroll{overflow-x:auto;border:1px solid #8885;border-radius:.5rem}\
.scroll>table{width:max-content;min-width:100%}\
table{border-collapse:collapse}\
th,td{padding:.5rem .9rem;text-align:left;vertical-align:top}\
th{font-weight:600;white-space:nowrap;background:#8882}\
tbody tr{border-top:1px solid #8883}\
td{max-width:24rem}\
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\
ul{margin:0;padding-left:1.25rem}\
.errors{border-left:.3rem solid #d33;border-radius:.3rem;background:#d331;padding:.75rem 1rem;margin:0 0 1.5rem}\
.errors ul{list-style:none;padding:0}";

/// The hash of the style, as a `Content-Security-Policy` writes it.
pub(super) const STYLE_SOURCE: &str = "'sha256-r6gheUyNOWeHjN/qA7khz/NvjINfPbXYFzz2yXtsgw0='";

pub(super) fn html(data: &Value, rendering: &Rendering) -> Result<String> {
    let title = escape_html(title(data, rendering));
    let mut page = open(&title, &format!("<style>{STYLE}</style>\n"));
    let _ = writeln!(page, "<h1 id=\"title\">{title}</h1>");
    errors(&mut page, rendering.refused());
    let mut body = Body { page, regions: 0 };
    match data {
        Value::Object(members) => body.object(members),
        Value::Array(items) => body.list(items, "title"),
        scalar => body.paragraph(scalar),
    }
    body.page.push_str(CLOSE);
    Ok(body.page)
}

/// The path of the program. At the root, and on an error page, the data may have a title.
fn title<'t>(data: &'t Value, rendering: &'t Rendering) -> &'t str {
    match rendering.program() {
        "" => data.get("title").and_then(Value::as_str).unwrap_or("Start"),
        path => path,
    }
}

fn errors(page: &mut String, refused: &InvalidInput) {
    if refused.is_empty() {
        return;
    }
    page.push_str("<div class=\"errors\" role=\"alert\">\n<ul>\n");
    for field in refused.fields() {
        let (name, message) = (escape_html(field.name()), escape_html(field.message()));
        let _ = writeln!(page, "<li><b>{name}</b>: {message}</li>");
    }
    page.push_str("</ul>\n</div>\n");
}

/// The page as far as it is written.
struct Body {
    page: String,
    /// The headings so far, which name the regions under them.
    regions: usize,
}

impl Body {
    /// The facts of a struct, and then its other members, each under a heading.
    fn object(&mut self, members: &Map<String, Value>) {
        if members.is_empty() {
            return self.nothing();
        }
        let (facts, parts): (Vec<_>, Vec<_>) =
            members.iter().partition(|(_, value)| is_fact(value));
        if !facts.is_empty() {
            self.facts(facts.into_iter());
            self.page.push('\n');
        }
        for (name, value) in parts {
            self.regions += 1;
            let id = format!("part-{}", self.regions);
            let _ = writeln!(self.page, "<h2 id=\"{id}\">{}</h2>", escape_html(name));
            match value {
                Value::Object(members) if members.is_empty() => self.nothing(),
                Value::Object(members) => {
                    self.facts(members.iter());
                    self.page.push('\n');
                }
                Value::Array(items) => self.list(items, &id),
                scalar => self.paragraph(scalar),
            }
        }
    }

    fn facts<'v>(&mut self, facts: impl Iterator<Item = (&'v String, &'v Value)>) {
        self.page.push_str("<dl>");
        for (name, value) in facts {
            let _ = write!(self.page, "<dt>{}</dt><dd>", escape_html(name));
            self.cell(value);
            self.page.push_str("</dd>");
        }
        self.page.push_str("</dl>");
    }

    /// A list under the heading `id`. A wide table scrolls in its own region, which the keyboard reaches.
    fn list(&mut self, items: &[Value], id: &str) {
        if items.is_empty() {
            return self.nothing();
        }
        let Some(table) = Table::of(items) else {
            self.items(items);
            self.page.push('\n');
            return;
        };
        let _ = writeln!(
            self.page,
            "<div class=\"scroll\" role=\"region\" aria-labelledby=\"{id}\" tabindex=\"0\">"
        );
        self.table(&table);
        self.page.push_str("\n</div>\n");
    }

    fn table(&mut self, table: &Table<'_>) {
        self.page.push_str("<table>\n<thead>\n<tr>");
        for column in &table.columns {
            let class = class(column.is_numeric);
            let name = escape_html(column.name);
            let _ = write!(self.page, "<th scope=\"col\"{class}>{name}</th>");
        }
        self.page.push_str("</tr>\n</thead>\n<tbody>\n");
        for row in &table.rows {
            self.page.push_str("<tr>");
            for column in &table.columns {
                let _ = write!(self.page, "<td{}>", class(column.is_numeric));
                self.cell(row.get(column.name).unwrap_or(&Value::Null));
                self.page.push_str("</td>");
            }
            self.page.push_str("</tr>\n");
        }
        self.page.push_str("</tbody>\n</table>");
    }

    fn items(&mut self, items: &[Value]) {
        self.page.push_str("<ul>");
        for item in items {
            self.page.push_str("<li>");
            self.cell(item);
            self.page.push_str("</li>");
        }
        self.page.push_str("</ul>");
    }

    /// A value in a cell, or in another small place.
    fn cell(&mut self, value: &Value) {
        match value {
            Value::Object(members) if members.is_empty() => self.page.push_str("<i>none</i>"),
            Value::Object(members) => self.facts(members.iter()),
            Value::Array(items) if items.is_empty() => self.page.push_str("<i>none</i>"),
            Value::Array(items) if items.iter().all(is_scalar) => self.text(&inline(value)),
            Value::Array(items) => match Table::of(items) {
                Some(table) => self.table(&table),
                None => self.items(items),
            },
            scalar => self.text(&inline(scalar)),
        }
    }

    /// Text with its lines.
    fn text(&mut self, text: &str) {
        for (at, line) in text.lines().enumerate() {
            if at > 0 {
                self.page.push_str("<br>");
            }
            self.page.push_str(&escape_html(line));
        }
    }

    fn paragraph(&mut self, scalar: &Value) {
        self.page.push_str("<p>");
        self.text(&inline(scalar));
        self.page.push_str("</p>\n");
    }

    fn nothing(&mut self) {
        self.page.push_str("<p><i>none</i></p>\n");
    }
}

const fn class(is_numeric: bool) -> &'static str {
    match is_numeric {
        true => " class=\"n\"",
        false => "",
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn a_policy_may_allow_the_style_by_its_hash() {
        let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        assert_eq!(STYLE_SOURCE, format!("'sha256-{hash}'"));
    }
}
