//! Text from outside in a log line: cut, and its control characters shown.
//!
//! Beside the way of a lookup.

/// The longest text in a log line, in characters.
const LONGEST: usize = 200;

/// `text` for a log line.
pub(crate) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(LONGEST).collect();
    let shown = cut.escape_debug().to_string();
    match cut.len() == text.len() {
        true => shown,
        false => format!("{shown}.. ({} bytes)", text.len()),
    }
}
