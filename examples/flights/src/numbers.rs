//! Numbers: which are allowed as arguments, what they are on average, and how they are shown.

use std::ops::RangeInclusive;

use giotto::prelude::*;

/// Refuses argument `name` if it is out of `range`.
pub(crate) fn check(
    name: &str,
    value: usize,
    range: RangeInclusive<usize>,
) -> Result<(), InvalidInput> {
    let message = format!("{value} is not from {} to {}", range.start(), range.end());
    match range.contains(&value) {
        true => Ok(()),
        false => Err(InvalidInput::new().field(name, value.to_string(), message)),
    }
}

/// None of no values, where a division would give NaN.
pub(crate) fn mean(values: &[i32]) -> Option<f64> {
    let total: i64 = values.iter().copied().map(i64::from).sum();
    (!values.is_empty()).then(|| total as f64 / values.len() as f64)
}

/// `12,345`
pub(crate) fn thousands(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", thousands(number / 1000), number % 1000),
    }
}

/// One decimal, and no minus before a zero.
pub(crate) fn decimal(number: f64) -> String {
    format!("{:.1}", (number * 10.0).round() / 10.0 + 0.0)
}

pub(crate) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or("–".to_owned(), |value| value.to_string())
}
