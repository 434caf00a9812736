//! A strict reader of OpenMetrics' text, version 1.0.0: it refuses what a lenient one lets pass.

use std::collections::{BTreeMap, BTreeSet};

/// The labels of a sample, sorted by name.
pub(crate) type Labels = BTreeMap<String, String>;

/// One line with a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) value: f64,
}

/// All metrics of a text.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) samples: Vec<Sample>,
    pub(crate) families: BTreeMap<String, String>,
}

impl Metrics {
    /// Reads `text`, or panics at the first line that is not as the specification says.
    pub(crate) fn read(text: &str) -> Self {
        let text = text.strip_suffix("# EOF\n").expect("it ends with # EOF");
        let mut metrics = Self::default();
        let (mut family, mut helped) = (String::new(), String::new());
        for line in text.lines() {
            assert!(!line.is_empty() && line.trim() == line, "{line:?}");
            match line.strip_prefix("# ") {
                Some(comment) => {
                    let mut words = comment.splitn(3, ' ');
                    let mut next = || words.next().unwrap_or_else(|| panic!("{line}"));
                    let (kind, name, rest) = (next(), next(), next());
                    assert!(is_name(name), "{line}");
                    match kind {
                        "HELP" => {
                            assert!(rest.ends_with('.') && !rest.ends_with(".."), "{line}");
                            helped = name.to_owned();
                        }
                        "TYPE" => {
                            assert_eq!(helped, name, "a type without its help");
                            family = name.to_owned();
                            let before = metrics.families.insert(name.to_owned(), rest.to_owned());
                            assert_eq!(before, None, "{name} is there twice");
                        }
                        "UNIT" => assert!(name == family && name.ends_with(&format!("_{rest}"))),
                        _ => panic!("{line}"),
                    }
                }
                None => {
                    let sample = sample(line);
                    let kind = &metrics.families[&family];
                    let suffix = sample.name.strip_prefix(&family);
                    let suffix = suffix.unwrap_or_else(|| panic!("{line}"));
                    let is_one = matches!(
                        (&**kind, suffix),
                        ("counter", "_total")
                            | ("gauge", "")
                            | ("histogram", "_bucket" | "_sum" | "_count")
                    );
                    assert!(is_one, "{line} is not of the {kind} {family}");
                    metrics.samples.push(sample);
                }
            }
        }
        metrics.check();
        metrics
    }

    /// The sum of the samples of `name` that have these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &&Sample| {
            let mut labels = labels.iter();
            sample.name == name
                && labels
                    .all(|(name, value)| sample.labels.get(*name).is_some_and(|own| own == value))
        };
        self.samples
            .iter()
            .filter(has)
            .map(|sample| sample.value)
            .sum()
    }

    /// No sample is there twice, no counter is negative, and the buckets of a histogram add up.
    fn check(&self) {
        let mut seen = BTreeSet::new();
        for sample in &self.samples {
            let is_new = seen.insert((sample.name.clone(), sample.labels.clone()));
            assert!(is_new, "{sample:?} is there twice");
            assert!(
                sample.value >= 0.0 && sample.value.is_finite(),
                "{sample:?}"
            );
        }
        for (family, _) in self
            .families
            .iter()
            .filter(|(_, kind)| *kind == "histogram")
        {
            let of = |suffix: &str| {
                let name = format!("{family}_{suffix}");
                self.samples
                    .iter()
                    .filter(move |sample| sample.name == name)
            };
            for count in of("count") {
                let mut last = (f64::NEG_INFINITY, 0.0);
                for bucket in of("bucket") {
                    let mut labels = bucket.labels.clone();
                    let bound = labels.remove("le").expect("a bucket has a bound");
                    if labels != count.labels {
                        continue;
                    }
                    let bound = match &*bound {
                        "+Inf" => f64::INFINITY,
                        bound => bound.parse().expect("a bound is a number"),
                    };
                    assert!(bound > last.0 && bucket.value >= last.1, "{bucket:?}");
                    last = (bound, bucket.value);
                }
                assert_eq!(last, (f64::INFINITY, count.value), "{count:?}");
                assert!(of("sum").any(|sum| sum.labels == count.labels), "{count:?}");
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("{line}"));
    let (name, rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let (labels, rest) = match rest.strip_prefix('{') {
        None => (Labels::new(), rest),
        Some(rest) => labels(rest),
    };
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("{line}"));
    Sample {
        name: name.to_owned(),
        labels,
        value: value.parse().unwrap_or_else(|_| panic!("{line}")),
    }
}

/// The labels that `text` begins with, behind the brace, and what follows them.
fn labels(mut text: &str) -> (Labels, &str) {
    let mut labels = Labels::new();
    loop {
        let (name, rest) = text
            .split_once("=\"")
            .expect("a label has a value in quotes");
        assert!(is_name(name), "{name}");
        let (mut value, mut at) = (String::new(), rest.chars());
        loop {
            match at.next().expect("a value ends with a quote") {
                '"' => break,
                '\\' => value.push(match at.next() {
                    Some('n') => '\n',
                    Some(escaped @ ('"' | '\\')) => escaped,
                    other => panic!("{other:?} is not escaped"),
                }),
                other => value.push(other),
            }
        }
        assert_eq!(labels.insert(name.to_owned(), value), None, "{name} twice");
        let rest = at.as_str();
        match rest.strip_prefix(',') {
            Some(rest) => text = rest,
            None => {
                return (
                    labels,
                    rest.strip_prefix('}').expect("a brace ends the labels"),
                );
            }
        }
    }
}
