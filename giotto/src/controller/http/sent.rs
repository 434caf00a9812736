//! The target of a request as its client has sent it, with the base of the application.
//!
//! Kept in the first step of an invocation over HTTP, for error pages and the log in the last.

use http::Uri;
use http::request::Parts;

/// The most characters of a path that an error page repeats.
const MAX_PATH: usize = 100;

/// The target as it was sent, if the head of the request has another one now.
#[derive(Clone, Debug)]
struct Sent(Uri);

/// Keeps the target that was `sent` beside the one that `head` has now.
pub(super) fn keep(sent: Uri, head: &mut Parts) {
    head.extensions.insert(Sent(sent));
}

/// Has `copy` know the target that was sent, as `head` does.
#[cfg(feature = "axum")]
pub(super) fn keep_too(head: &Parts, copy: &mut Parts) {
    if let Some(sent) = head.extensions.get::<Sent>() {
        copy.extensions.insert(sent.clone());
    }
}

/// The path as it was sent.
pub(super) fn sent_path(head: &Parts) -> &str {
    let sent = head.extensions.get::<Sent>();
    sent.map_or(&head.uri, |Sent(uri)| uri).path()
}

/// The same as far as an error page repeats it.
pub(super) fn shown_path(head: &Parts) -> String {
    sent_path(head).chars().take(MAX_PATH).collect()
}
