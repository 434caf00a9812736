//! The weights by which a client orders what it accepts (RFC 9110, 12.4.2).
//!
//! A ground type of the choice of a media type and of a language.

/// Of a range without a weight, in thousandths.
pub(crate) const FULL: u16 = 1_000;

/// The weight `text` in thousandths. An invalid one counts as zero.
pub(crate) fn thousandths(text: &str) -> u16 {
    let weight = text.parse::<f32>().ok();
    let weight = weight.filter(|weight| (0.0..=1.0).contains(weight));
    (weight.unwrap_or(0.0) * f32::from(FULL)) as u16
}
