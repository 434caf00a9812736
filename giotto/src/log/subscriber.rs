//! Writes the events of `tracing` to standard error, as text or as JSON, from some level on.
//!
//! Installed before the first request, unless the application has a subscriber of its own.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use anstream::{AutoStream, ColorChoice};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt as layer};

use super::format::Format;
use super::line::Line;

/// Whether the subscriber of this file writes JSON.
static WRITES_JSON: AtomicBool = AtomicBool::new(false);

/// Writes log lines that pass the `filter` to standard error, unless the application has installed a subscriber of its own.
pub(crate) fn install(filter: impl Layer<Registry> + Send + Sync, format: Format) {
    let lines = tracing_subscriber::registry().with(filter);
    match format {
        Format::Text => {
            let colours = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
            let text = layer::layer().with_ansi(colours).with_writer(io::stderr);
            let _ = lines.with(text).try_init();
        }
        Format::Json => {
            let json = layer::layer().event_format(Json).with_writer(io::stderr);
            let is_installed = lines.with(json).try_init().is_ok();
            WRITES_JSON.store(is_installed, Ordering::Relaxed);
        }
    }
}

/// Whether log lines are objects of JSON.
pub(crate) fn writes_json() -> bool {
    WRITES_JSON.load(Ordering::Relaxed)
}

/// Writes `text` to standard error, whatever the level is. A closed standard error is no reason to stop.
pub(crate) fn announce(text: &str) {
    let mut bytes = Vec::new();
    match writes_json() {
        false => bytes.extend_from_slice(text.as_bytes()),
        true => {
            let mut line = Line::begin(&mut bytes, Format::Json, SystemTime::now());
            line.plain("level", b"INFO");
            line.whole("message", text);
            line.end();
        }
    }
    if !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    let _ = io::stderr().write_all(&bytes);
}

/// An event as one object of JSON: its time, level, target and message, and its fields beside them.
struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut bytes = Vec::new();
        let mut line = Line::begin(&mut bytes, Format::Json, SystemTime::now());
        line.plain("level", event.metadata().level().as_str().as_bytes());
        line.whole("target", event.metadata().target());
        event.record(&mut Fields(&mut line));
        line.end();
        writer.write_str(&String::from_utf8_lossy(&bytes))
    }
}

/// Adds the fields of an event to a line. One of the names of the line itself gets a `_`.
struct Fields<'l, 'o>(&'l mut Line<'o>);

impl Fields<'_, '_> {
    fn add(&mut self, field: &Field, add: impl FnOnce(&mut Line<'_>, &str)) {
        match field.name() {
            taken @ ("time" | "level" | "target") => add(self.0, &format!("{taken}_")),
            name => add(self.0, name),
        }
    }
}

impl Visit for Fields<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        self.add(field, |line, name| line.whole(name, &value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, |line, name| line.whole(name, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, |line, name| line.literal(name, &value.to_string()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, |line, name| line.literal(name, &value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, |line, name| line.number(name, value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no name for what is no number.
        match value.is_finite() {
            true => self.add(field, |line, name| line.literal(name, &value.to_string())),
            false => self.add(field, |line, name| line.whole(name, &value.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn an_event_is_one_object_of_json() {
        let (mut reader, writer) = io::pipe().unwrap();
        let writer = Mutex::new(writer);
        let json = layer::layer().event_format(Json).with_writer(writer);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(json), || {
            let (repeated, none) = (Some(3_u64), None::<u64>);
            tracing::warn!(
                path = %"/a\n\"b\"",
                repeated,
                none,
                minus = -1,
                ratio = 0.5,
                level = "high",
                is_hard = true,
                "it fails"
            );
        });
        let mut written = String::new();
        reader.read_to_string(&mut written).unwrap();
        assert_eq!(written.matches('\n').count(), 1, "{written}");
        let line: serde_json::Value = serde_json::from_str(&written).unwrap();
        for (name, expected) in [
            ("level", serde_json::json!("WARN")),
            ("level_", serde_json::json!("high")),
            ("message", serde_json::json!("it fails")),
            ("path", serde_json::json!("/a\n\"b\"")),
            ("repeated", serde_json::json!(3)),
            ("minus", serde_json::json!(-1)),
            ("ratio", serde_json::json!(0.5)),
            ("is_hard", serde_json::json!(true)),
        ] {
            assert_eq!(line[name], expected, "{written}");
        }
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
        assert!(line["target"].as_str().unwrap().starts_with("giotto::log"));
        assert!(line.get("none").is_none());
    }
}
