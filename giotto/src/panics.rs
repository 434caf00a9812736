//! Limits the output of panics, which clients can repeat, and whose messages may be what a client has sent.
//!
//! Installed before the first request. A panic is an error of its request; this output is for the operator.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{set_hook, take_hook};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use giotto_cache::log::{Cut, Limiter};

use crate::log::writes_json;

/// Passes panics to the installed hook, at most once a second for one place in the code. The others are counted. A message that
/// is long or has control characters is logged instead, and so are all if log lines are JSON.
pub(crate) fn limit(log: Limiter) {
    let hook = take_hook();
    set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string);
        let place = place.unwrap_or_default();
        let is_first = Arc::new(AtomicBool::new(false));
        let (event, first) = (("panic", place.clone()), Arc::clone(&is_first));
        let told = place.clone();
        log.tell(event, move |repeated| match repeated {
            None => first.store(true, Ordering::Relaxed),
            Some(repeated) => tracing::error!(place = told, repeated, "panicked again"),
        });
        if !is_first.load(Ordering::Relaxed) {
            return;
        }
        let message = panic.payload_as_str().unwrap_or_default();
        match Cut(message).to_string() {
            cut if writes_json() || cut != message => tell(&place, &cut),
            _ => hook(panic),
        }
    }));
}

fn tell(place: &str, message: &str) {
    let backtrace = Backtrace::capture();
    let is_captured = backtrace.status() == BacktraceStatus::Captured;
    let backtrace = is_captured.then(|| backtrace.to_string());
    tracing::error!(place, panic = %message, backtrace, "panicked");
}
