//! What pages must show: of each fact, the number that the last answered write has given it.
//!
//! A fact has one writer, whose numbers rise. It stands in pages as `factB17n5z`: the fact `B17`, its number 5.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Something that changes: a letter and the number of what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fact(pub(super) char, pub(super) u32);

/// The last answered write of a fact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) number: u64,
    /// The process that was written to.
    pub(super) process: usize,
    /// When it had answered.
    pub(super) at: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Oracle(Mutex<HashMap<Fact, Written>>);

impl Oracle {
    /// A write was answered.
    pub(super) fn note(&self, fact: Fact, written: Written) {
        self.lock().insert(fact, written);
    }

    /// What a request that begins now must find of `fact`.
    pub(super) fn now(&self, fact: Fact) -> Option<Written> {
        self.lock().get(&fact).copied()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Fact, Written>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fact {
    /// How it is written in a page.
    pub(super) fn text(self, number: u64) -> String {
        format!("fact{}{}n{number}z", self.0, self.1)
    }

    /// The highest number of it that `page` shows; 0 if it shows none.
    pub(super) fn shown(self, page: &str) -> u64 {
        let begin = format!("fact{}{}n", self.0, self.1);
        let texts = page.split(begin.as_str()).skip(1);
        let numbers = texts.filter_map(|text| text.split_once('z')?.0.parse().ok());
        numbers.max().unwrap_or(0)
    }
}
