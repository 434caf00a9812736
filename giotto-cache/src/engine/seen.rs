//! Which keys were seen lately, in a fixed amount of memory: two Bloom filters of key digests, one after the other.
//!
//! Part of step 4 of a lookup, where a program has a budget. A key may be taken for one that was seen, for one in 350 that
//! were not, at most; a key that was seen is found until two filters have been filled after it.

/// The words of one filter: 256 KiB.
const WORDS: usize = 1 << 15;
const BITS: u64 = WORDS as u64 * 64;
/// The most keys in one filter. With 16 bits and 5 probes for each, one in 700 others seems to be among them.
const CAPACITY: u32 = 1 << 17;
const PROBES: u64 = 5;

/// The keys that were noted lately. It takes no memory before the first one.
#[derive(Debug)]
pub(crate) struct Seen {
    current: Vec<u64>,
    previous: Vec<u64>,
    noted: u32,
    began_ms: u64,
    window_ms: u64,
}

impl Seen {
    /// Remembers keys for `window_ms` at least, and for twice as long at most, while there is room for them.
    pub(crate) const fn new(window_ms: u64) -> Self {
        Self {
            current: Vec::new(),
            previous: Vec::new(),
            noted: 0,
            began_ms: 0,
            window_ms,
        }
    }

    pub(crate) fn has(&mut self, digest: u64, now_ms: u64) -> bool {
        self.forget(now_ms);
        is_in(&self.current, digest) || is_in(&self.previous, digest)
    }

    pub(crate) fn note(&mut self, digest: u64, now_ms: u64) {
        self.forget(now_ms);
        if is_in(&self.current, digest) {
            return;
        }
        if self.noted >= CAPACITY {
            self.begin(now_ms);
        }
        if self.current.is_empty() {
            self.current = vec![0; WORDS];
            self.began_ms = now_ms;
        }
        for (word, bit) in probes(digest) {
            self.current[word] |= bit;
        }
        self.noted += 1;
    }

    /// Forgets the keys whose time is over.
    fn forget(&mut self, now_ms: u64) {
        match now_ms.saturating_sub(self.began_ms) / self.window_ms {
            0 => {}
            1 => self.begin(now_ms),
            _ => *self = Self::new(self.window_ms),
        }
    }

    /// Begins another filter; the last but one is forgotten.
    fn begin(&mut self, now_ms: u64) {
        std::mem::swap(&mut self.current, &mut self.previous);
        self.current.fill(0);
        (self.noted, self.began_ms) = (0, now_ms);
    }
}

fn is_in(filter: &[u64], digest: u64) -> bool {
    !filter.is_empty() && probes(digest).all(|(word, bit)| filter[word] & bit != 0)
}

/// The words and bits that stand for a key: two halves of its digest make as many as needed.
fn probes(digest: u64) -> impl Iterator<Item = (usize, u64)> {
    let (first, step) = (digest, (digest >> 32) | 1);
    (0..PROBES).map(move |probe| {
        let bit = first.wrapping_add(step.wrapping_mul(probe)) % BITS;
        ((bit / 64) as usize, 1 << (bit % 64))
    })
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use super::*;

    const WINDOW: u64 = 600_000;

    fn digest(number: u32) -> u64 {
        xxh3_64(&number.to_le_bytes())
    }

    #[test]
    fn a_key_is_seen_for_one_window_at_least_and_two_at_most() {
        let mut seen = Seen::new(WINDOW);
        let start = 1_700_000_000_000;
        assert!(!seen.has(digest(1), start));
        seen.note(digest(1), start);
        seen.note(digest(2), start + WINDOW - 1);
        assert!(seen.has(digest(1), start + WINDOW - 1));
        assert!(seen.has(digest(2), start + WINDOW + WINDOW - 2));
        assert!(!seen.has(digest(2), start + 3 * WINDOW));
    }

    #[test]
    fn a_million_keys_take_the_memory_of_a_few_and_few_seem_to_be_seen() {
        let mut seen = Seen::new(WINDOW);
        let mut wrong = 0;
        for number in 0..1_000_000 {
            wrong += u32::from(seen.has(digest(number), 1));
            seen.note(digest(number), 1);
        }
        assert!(wrong < 3_000, "{wrong} of a million");
        assert_eq!(seen.current.len() + seen.previous.len(), 2 * WORDS);
        // The last ones are known, the first ones are forgotten.
        assert!((1_000_000 - CAPACITY..1_000_000).all(|number| seen.has(digest(number), 1)));
        let first = (0..1_000).filter(|number| seen.has(digest(*number), 1));
        assert!(first.count() < 10);
    }
}
