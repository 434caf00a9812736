//! What several servers of one store hold, in all.
//!
//! No step of a lookup; for management.

use crate::error::{Error, ErrorKind, Result};
use crate::keyvalue::measure::Measure;

/// The sum of `measures`, one for each server of a store. Its notes name the servers that are not in it.
///
/// # Errors
///
/// That of each, if none of them answered.
pub(super) fn sum(measures: impl IntoIterator<Item = Result<Measure>>) -> Result<Measure> {
    let all = measures
        .into_iter()
        .reduce(|one, other| match (one, other) {
            (Ok(one), Ok(other)) => Ok(plus(one, other)),
            (Ok(mut measure), Err(error)) | (Err(error), Ok(mut measure)) => {
                measure.notes.push(format!("not in the figures: {error}"));
                Ok(measure)
            }
            (Err(one), Err(other)) => {
                let message = format!("{one}; {other}");
                Err(Error::new(ErrorKind::Backend, message))
            }
        });
    all.unwrap_or_else(|| Ok(Measure::default()))
}

/// What is not known of one is not known of both, and without a limit for one there is none.
fn plus(one: Measure, other: Measure) -> Measure {
    let both = |one: Option<u64>, other: Option<u64>| Some(one?.saturating_add(other?));
    let mut notes = one.notes;
    for note in other.notes {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    Measure {
        entries: both(one.entries, other.entries),
        bytes: both(one.bytes, other.bytes),
        is_estimate: one.is_estimate || other.is_estimate,
        max_entries: both(one.max_entries, other.max_entries),
        max_bytes: both(one.max_bytes, other.max_bytes),
        evictions: both(one.evictions, other.evictions),
        // The servers of one store should have the same settings: the worst one counts.
        evicts: one
            .evicts
            .zip(other.evicts)
            .map(|(one, other)| one.min(other)),
        clock_ms: one.clock_ms.or(other.clock_ms),
        notes,
        ..Measure::new(one.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(entries: u64, max_bytes: Option<u64>) -> Result<Measure> {
        Ok(Measure {
            entries: Some(entries),
            max_bytes,
            notes: vec!["a policy".to_owned()],
            ..Measure::new("all servers")
        })
    }

    fn lost(server: &str) -> Result<Measure> {
        let message = format!("{server} is lost");
        Err(Error::new(ErrorKind::Backend, message))
    }

    #[test]
    fn the_servers_that_answer_are_summed_and_the_others_named() {
        let all = sum([measured(1, Some(10)), measured(2, Some(20))]).unwrap();
        assert_eq!((all.entries, all.max_bytes), (Some(3), Some(30)));
        assert_eq!((all.bytes, all.notes.len()), (None, 1));
        let unlimited = sum([measured(u64::MAX, Some(10)), measured(1, None)]).unwrap();
        assert_eq!(
            (unlimited.entries, unlimited.max_bytes),
            (Some(u64::MAX), None)
        );

        let some = sum([lost("a"), lost("b"), measured(1, None), lost("c")]).unwrap();
        assert_eq!(some.entries, Some(1));
        for server in ["a", "b", "c"] {
            let named = format!("{server} is lost");
            assert!(
                some.notes.iter().any(|note| note.contains(&named)),
                "{some:?}"
            );
        }
        let none = sum([lost("a"), lost("b")]).unwrap_err();
        assert_eq!(none.to_string(), "a is lost; b is lost");
    }
}
