//! Several invocations in one: `x=1..100`, `x=0..100..10`, `x=1,2,3`.
//!
//! Read by `cache/warm`. Only whole numbers have ranges. A range for a text is refused: it would be one page, and hardly the
//! one that is meant.

use std::borrow::Cow;

use crate::error::{Error, Result, quoted};
use crate::management::invocation::{FrontEnd, Invocation};

/// More invocations at once are a typing mistake.
const MOST: u64 = 1_000_000;

/// The invocations that one stands for, each by its number.
#[derive(Debug)]
pub(super) struct Invocations {
    pattern: Invocation,
    /// What varies: the places in the pattern, the last of which varies fastest.
    varied: Vec<(Place, Values)>,
    count: u64,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Segment(usize),
    Argument(usize),
}

/// The values of one argument: ranges, one after the other.
#[derive(Debug)]
struct Values(Vec<Range>);

#[derive(Debug)]
struct Range {
    first: i128,
    step: i128,
    count: u64,
}

impl Invocations {
    /// Those that `pattern` stands for, an invocation of the program that `front_end` finds.
    pub(super) fn new(pattern: Invocation, front_end: &FrontEnd<'_>) -> Result<Self> {
        let parameters = front_end.program.parameters();
        let named = |name: &str| parameters.iter().find(|one| one.is_called(name));
        let is_number =
            |name: &str| named(name).is_some_and(|one| one.kind == "integer" && !one.is_list);
        let open = front_end.open(&pattern);
        let segments = pattern
            .path
            .iter()
            .enumerate()
            .skip(front_end.consumed)
            .zip(open);
        let segments = segments.map(|((at, text), name)| (Place::Segment(at), name, text));
        let arguments = pattern.data.iter().enumerate();
        let arguments =
            arguments.map(|(at, (name, text))| (Place::Argument(at), name.as_str(), text));
        let mut varied = Vec::new();
        let mut count = 1_u64;
        for (place, name, text) in segments.chain(arguments) {
            if !is_number(name) {
                check_no_range(name, text)?;
                continue;
            }
            if let Some(values) = Values::read(name, text)? {
                let product = count.checked_mul(values.count());
                let product = product.filter(|product| *product <= MOST);
                count = product.ok_or_else(|| too_many(name, text))?;
                varied.push((place, values));
            }
        }
        Ok(Self {
            pattern,
            varied,
            count,
        })
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The invocation of this number, from 0 to the count.
    pub(super) fn at(&self, mut number: u64) -> Invocation {
        let mut invocation = self.pattern.clone();
        for (place, values) in self.varied.iter().rev() {
            let value = values.at(number % values.count()).to_string();
            number /= values.count();
            match *place {
                Place::Segment(at) => invocation.path[at] = value,
                Place::Argument(at) => invocation.data[at].1 = value,
            }
        }
        invocation
    }
}

impl Values {
    /// `None` for one plain value.
    fn read(name: &str, text: &str) -> Result<Option<Self>> {
        if !text.contains("..") && !text.contains(',') {
            return Ok(None);
        }
        let ranges = text.split(',').map(|part| Range::read(part.trim()));
        let ranges: Result<Vec<_>, _> = ranges.collect();
        let ranges = ranges.map_err(|problem| refused(name, text, &problem))?;
        let counts = ranges.iter().map(|range| range.count);
        let count = counts
            .reduce(u64::saturating_add)
            .filter(|count| *count <= MOST);
        match count {
            Some(_) => Ok(Some(Self(ranges))),
            None => Err(too_many(name, text)),
        }
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|range| range.count).sum()
    }

    fn at(&self, mut number: u64) -> i128 {
        for range in &self.0 {
            if number < range.count {
                return range.first + i128::from(number) * range.step;
            }
            number -= range.count;
        }
        unreachable!("a number is less than the count")
    }
}

impl Range {
    /// `7`, `1..100` with both ends, or `0..100..10` in steps.
    fn read(text: &str) -> Result<Self, Cow<'static, str>> {
        let mut parts = text.split("..").map(|part| {
            part.parse::<i64>().map_err(|_| {
                let message = format!("{} is not a whole number of 64 bits", quoted(part));
                Cow::Owned(format!(
                    "{message}: a range is written 1..100, or 0..100..10 for every tenth"
                ))
            })
        });
        let first = parts.next().unwrap_or_else(|| Err("it is empty".into()))?;
        let last = parts.next().transpose()?.unwrap_or(first);
        let step = parts.next().transpose()?.unwrap_or(1);
        if parts.next().is_some() {
            return Err("it has too many parts: a range is written 1..100, or 0..100..10".into());
        }
        if step < 1 {
            return Err("its step is not positive: 0..100..10 takes every tenth".into());
        }
        if last < first {
            return Err(format!("it runs backwards: write {last}..{first}").into());
        }
        let steps = (i128::from(last) - i128::from(first)) / i128::from(step);
        Ok(Self {
            first: first.into(),
            step: step.into(),
            count: u64::try_from(steps + 1).unwrap_or(u64::MAX),
        })
    }
}

/// Refuses a range as the value of a parameter that is not a whole number.
fn check_no_range(name: &str, text: &str) -> Result<()> {
    if !text.contains("..") || !matches!(Values::read(name, text), Ok(Some(_))) {
        return Ok(());
    }
    let message = "only a parameter that is one whole number has ranges: warm each value by itself";
    Err(refused(name, text, message))
}

fn too_many(name: &str, text: &str) -> Error {
    refused(
        name,
        text,
        "more than 1,000,000 invocations: warm fewer at a time",
    )
}

fn refused(name: &str, text: &str, problem: &str) -> Error {
    crate::management::model::refused(name, text, format!("{}: {problem}", quoted(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Result<Vec<i128>, String> {
        let values = Values::read("x", text).map_err(|error| error.to_string())?;
        let values = values.ok_or_else(|| "plain".to_owned())?;
        Ok((0..values.count())
            .map(|number| values.at(number))
            .collect())
    }

    #[test]
    fn ranges_have_both_ends_steps_and_lists() {
        assert_eq!(values("1..3"), Ok(vec![1, 2, 3]));
        assert_eq!(values("-2..2..2"), Ok(vec![-2, 0, 2]));
        assert_eq!(values("0..25..10"), Ok(vec![0, 10, 20]));
        assert_eq!(values("5..5"), Ok(vec![5]));
        assert_eq!(values("1,7,3..4"), Ok(vec![1, 7, 3, 4]));
        assert_eq!(values("12"), Err("plain".to_owned()));
        assert_eq!(
            values("9223372036854775806..9223372036854775807"),
            Ok(vec![i128::from(i64::MAX) - 1, i64::MAX.into()])
        );
    }

    #[test]
    fn what_is_no_range_is_refused_with_the_remedy() {
        for (text, word) in [
            ("3..1", "backwards: write 1..3"),
            ("1..", "1..100"),
            ("..5", "1..100"),
            ("..", "1..100"),
            ("a..b", "1..100"),
            ("1...5", "1..100"),
            ("1..5..0", "positive"),
            ("1..5..-1", "positive"),
            ("1..5..1..1", "too many parts"),
            ("1,,2", "1..100"),
            ("1,", "1..100"),
            ("1..9223372036854775808", "64 bits"),
            ("-9223372036854775808..9223372036854775807", "1,000,000"),
            ("1..1000001", "1,000,000"),
        ] {
            let refused = values(text).unwrap_err();
            assert!(refused.contains(word), "{text}: {refused}");
        }
    }
}
