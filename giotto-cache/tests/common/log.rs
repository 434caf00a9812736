//! What the log is told by the thread of a test.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

thread_local! {
    static WARNINGS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Log;

struct Line(String);

/// Forgets what this thread was told so far, and hears what follows.
pub(crate) fn listen() {
    static STARTED: Once = Once::new();
    // One for all threads: tracing remembers what nobody listens to.
    STARTED.call_once(|| tracing::subscriber::set_global_default(Log).unwrap());
    WARNINGS.take();
}

/// The warnings that contain `part`, each as its message and fields.
pub(crate) fn told(part: &str) -> Vec<String> {
    let warnings = WARNINGS.with_borrow(Clone::clone);
    warnings
        .into_iter()
        .filter(|line| line.contains(part))
        .collect()
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        WARNINGS.with_borrow_mut(|warnings| warnings.push(line.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
