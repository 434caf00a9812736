//! Limits the output of panics, which clients can repeat.
//!
//! Installed before the first request. A panic is an error of its request; this output is for the operator.

use std::panic::{set_hook, take_hook};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use giotto_cache::log::Limiter;

/// Passes panics to the installed hook, at most once a second for one place in the code. The others are counted.
pub(crate) fn limit(log: Limiter) {
    let hook = take_hook();
    set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string);
        let place = place.unwrap_or_default();
        let is_first = Arc::new(AtomicBool::new(false));
        let (event, first) = (("panic", place.clone()), Arc::clone(&is_first));
        log.tell(event, move |repeated| match repeated {
            None => first.store(true, Ordering::Relaxed),
            Some(repeated) => tracing::error!(place, repeated, "panicked again"),
        });
        if is_first.load(Ordering::Relaxed) {
            hook(panic);
        }
    }));
}
