//! Which computations wait for the result of which, so that none waits for itself.
//!
//! Part of step 3 of a lookup, for a lookup that is made inside a computation: `a` asks for `b`, which another caller computes,
//! and that asks for `a`. Each would wait for the other for ever. The second of them computes alone instead.
//! It is one for each cache: a circle through two caches is not seen. A `hard_timeout` ends that.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The waits of computations for others. A wait of a caller that computes nothing is not among them.
#[derive(Debug, Default)]
pub(crate) struct Waits(Mutex<Awaited>);

/// The keys for whose results the computation of a key waits: some of them twice.
type Awaited = HashMap<String, Vec<String>>;

/// A wait that goes on.
#[derive(Debug)]
pub(crate) struct Wait<'w> {
    waits: &'w Waits,
    computing: Vec<String>,
    key: &'w str,
}

impl Waits {
    /// Notes that the computations of `computing`, each inside the one before, wait for the result of `key`; `None` if that
    /// computation waits for one of them already.
    pub(crate) fn begin<'w>(&'w self, computing: Vec<String>, key: &'w str) -> Option<Wait<'w>> {
        if !computing.is_empty() {
            let mut awaited = self.lock();
            if leads_to(&awaited, key, &computing) {
                return None;
            }
            // All of them wait: the outer ones for the inner ones.
            for own in &computing {
                awaited.entry(own.clone()).or_default().push(key.to_owned());
            }
        }
        let waits = self;
        Some(Wait {
            waits,
            computing,
            key,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Awaited> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.computing.is_empty() {
            return;
        }
        let mut awaited = self.waits.lock();
        for own in &self.computing {
            if let Some(keys) = awaited.get_mut(own) {
                if let Some(at) = keys.iter().position(|key| key == self.key) {
                    keys.swap_remove(at);
                }
                if keys.is_empty() {
                    awaited.remove(own);
                }
            }
        }
    }
}

/// Whether the computation of `key` waits, by others or not, for one of `computing`.
fn leads_to(awaited: &Awaited, key: &str, computing: &[String]) -> bool {
    let (mut seen, mut rest) = (vec![key], vec![key]);
    while let Some(key) = rest.pop() {
        if computing.iter().any(|own| own == key) {
            return true;
        }
        for next in awaited.get(key).into_iter().flatten() {
            if !seen.contains(&next.as_str()) {
                seen.push(next);
                rest.push(next);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn a_wait_that_closes_a_circle_is_refused_until_another_has_ended() {
        let waits = Waits::default();
        let first = waits.begin(keys(&["a"]), "b");
        let second = waits.begin(keys(&["b", "c"]), "d");
        assert!(first.is_some() && second.is_some());
        assert!(waits.begin(keys(&["d"]), "a").is_none(), "a, b, d, a");
        assert!(waits.begin(keys(&["d"]), "c").is_none(), "c, d, c");
        assert!(waits.begin(keys(&["e"]), "a").is_some());
        assert!(
            waits.begin(Vec::new(), "a").is_some(),
            "it computes nothing"
        );
        drop(first);
        assert!(waits.begin(keys(&["d"]), "a").is_some());
        drop(second);
        assert!(waits.lock().is_empty());
    }
}
