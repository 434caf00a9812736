//! Generations: numbers that an invalidation changes, so that one small write makes any number of entries old.
//!
//! Part of step 2 of a lookup. An entry carries the generations of its tags and of its program as they were before it was
//! computed, and it is fresh only while they are still the same. Each generation stands in a record of its own, under a key
//! that no program can have: `{tag:user:7}`, `{program:squared}`, `{all}`.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use xxhash_rust::xxh3::xxh3_64;

use crate::clock::remaining;
use crate::signature::Signer;

const MAGIC: &[u8; 4] = b"GGEN";
const RECORD: usize = 44;

/// How much longer than the entries that name it the record of a tag lives, so that it is not written again for each of
/// them. A record that no entry names yet lives this long, for computations under way.
pub(crate) const TAG_MARGIN_MS: u64 = 3_600_000;
/// The longest life of the record of a tag after a soft invalidation.
const SOFT_BOUND_MS: u64 = 30 * 24 * 3_600_000;

/// Two random numbers: every invalidation changes the soft one, a hard one changes both. 0 = never invalidated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Generation {
    soft: u64,
    hard: u64,
}

/// What became of something that was computed under an earlier generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    Same,
    /// It is old, but may be served where an old entry may.
    Soft,
    /// It must not be served any more.
    Hard,
}

impl Generation {
    pub(crate) fn random() -> Self {
        Self {
            soft: fastrand::u64(1..),
            hard: fastrand::u64(1..),
        }
    }

    fn next(self, is_hard: bool) -> Self {
        let random = Self::random();
        Self {
            soft: random.soft,
            hard: if is_hard { random.hard } else { self.hard },
        }
    }

    pub(crate) const fn of_parts([soft, hard]: [u64; 2]) -> Self {
        Self { soft, hard }
    }

    pub(crate) const fn parts(self) -> [u64; 2] {
        [self.soft, self.hard]
    }

    /// One for both: it changes when either does.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            soft: self.soft ^ other.soft.rotate_left(1),
            hard: self.hard ^ other.hard.rotate_left(1),
        }
    }

    /// One that is old where either is: a part in which they differ becomes one that no record has.
    pub(crate) fn either(self, other: Self) -> Self {
        let part = |own, other| if own == other { own } else { u64::MAX };
        Self {
            soft: part(self.soft, other.soft),
            hard: part(self.hard, other.hard),
        }
    }

    pub(crate) fn difference(self, now: Self) -> Difference {
        match () {
            () if self.hard != now.hard => Difference::Hard,
            () if self.soft != now.soft => Difference::Soft,
            () => Difference::Same,
        }
    }

    pub(crate) fn put(self, raw: &mut BytesMut) {
        raw.put_u64_le(self.soft);
        raw.put_u64_le(self.hard);
    }

    pub(crate) fn take(raw: &mut &[u8]) -> Option<Self> {
        Some(Self {
            soft: raw.try_get_u64_le().ok()?,
            hard: raw.try_get_u64_le().ok()?,
        })
    }
}

/// The stored state of a generation.
///
/// | bytes | field |
/// |---|---|
/// | 0..4 | magic `GGEN` |
/// | 4..20 | the generation, soft and hard |
/// | 20..28 | when it was last changed by an invalidation, in milliseconds since 1970; 0 = never |
/// | 28..36 | until when it has to be kept: as long as any entry that names it |
/// | 36..44 | checksum: XXH3-64 of what stands before |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) generation: Generation,
    pub(crate) changed_ms: u64,
    pub(crate) keep_until: u64,
}

impl Record {
    /// The record of a tag that is used for the first time.
    pub(crate) fn new(keep_until: u64) -> Self {
        Self {
            generation: Generation::random(),
            changed_ms: 0,
            keep_until,
        }
    }

    /// The state of what was never invalidated, which needs no record.
    pub(crate) const fn untouched() -> Self {
        Self {
            generation: Generation { soft: 0, hard: 0 },
            changed_ms: 0,
            keep_until: u64::MAX,
        }
    }

    /// Later than the change before it, whatever the clock of the machine that made that one: the last counts.
    pub(crate) fn invalidated(self, is_hard: bool, now_ms: u64) -> Self {
        Self {
            generation: self.generation.next(is_hard),
            changed_ms: now_ms.max(self.changed_ms.saturating_add(1)),
            ..self
        }
    }

    /// The same for the record of a tag, whose life is bounded by the entries that name it. After a hard invalidation
    /// none of them is of use; after a soft one those that never expire may still be served after an error.
    pub(crate) fn tag_invalidated(self, is_hard: bool, now_ms: u64) -> Self {
        let bound_ms = match is_hard {
            true => TAG_MARGIN_MS,
            false => SOFT_BOUND_MS,
        };
        Self {
            keep_until: self.keep_until.min(now_ms.saturating_add(bound_ms)),
            ..self.invalidated(is_hard, now_ms)
        }
    }

    /// As an invalidation that the store has not accepted yet changes it: the same each time for the same `change`, and
    /// never back, however often it is repeated: the store may have done what it was late to confirm.
    pub(crate) fn changed_by(self, change: Generation, is_hard: bool, since_ms: u64) -> Self {
        let Generation { soft, hard } = self.generation;
        Self {
            generation: Generation {
                // A multiple of an odd number is zero only after as many additions as there are numbers.
                soft: soft.wrapping_add(change.soft | 1),
                hard: match is_hard {
                    true => hard.wrapping_add(change.hard | 1),
                    false => hard,
                },
            },
            changed_ms: self.changed_ms.max(since_ms),
            ..self
        }
    }

    /// What became of an entry that was computed under `stamped`; `None` if that cannot be known: the record was lost, and
    /// this one was made anew, for nothing was invalidated since it was made.
    pub(crate) fn since(self, stamped: Generation) -> Option<Difference> {
        match stamped.difference(self.generation) {
            Difference::Same => Some(Difference::Same),
            _ if self.changed_ms == 0 => None,
            difference => Some(difference),
        }
    }

    /// As it is stored under `key`.
    pub(crate) fn encode(self, key: &str, signer: &Signer) -> Bytes {
        let mut raw = BytesMut::with_capacity(RECORD + signer.room());
        raw.put_slice(MAGIC);
        self.generation.put(&mut raw);
        raw.put_u64_le(self.changed_ms);
        raw.put_u64_le(self.keep_until);
        let sum = xxh3_64(&raw);
        raw.put_u64_le(sum);
        signer.sign(key, raw)
    }

    /// `None` for anything that is not the record of `key`.
    pub(crate) fn decode(raw: &[u8], key: &str, signer: &Signer) -> Option<Self> {
        let raw = &raw[..signer.verify(key, raw).ok()?];
        let (covered, mut sum) = raw.split_at_checked(RECORD - 8)?;
        let mut fields = covered.strip_prefix(MAGIC)?;
        let is_sound = sum.len() == 8 && sum.get_u64_le() == xxh3_64(covered);
        is_sound.then_some(Self {
            generation: Generation::take(&mut fields)?,
            changed_ms: fields.get_u64_le(),
            keep_until: fields.get_u64_le(),
        })
    }

    pub(crate) fn keep_for(self, now_ms: u64) -> Option<Duration> {
        remaining(self.keep_until, now_ms)
    }
}

/// The generations that count now, as a lookup has read them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Generations {
    pub(crate) program: Generation,
    /// By tag; `None` if there is no record of it.
    pub(crate) tags: Vec<(String, Option<Record>)>,
    /// For an entry that was made before this time, one may be missing that is on its way; 0 = none is.
    pub(crate) doubted_before_ms: u64,
}

impl Generations {
    pub(crate) fn has(&self, tag: &str) -> bool {
        self.tags.iter().any(|(known, _)| known == tag)
    }

    pub(crate) fn record(&self, tag: &str) -> Option<Record> {
        let (_, record) = self.tags.iter().find(|(known, _)| known == tag)?;
        *record
    }

    /// Whether what was computed under these is as good as what is computed under `now`.
    pub(crate) fn still_count(&self, now: &Self) -> bool {
        let is_same = |(tag, now): &(String, Option<Record>)| match (self.record(tag), *now) {
            (Some(own), Some(now)) => own.generation == now.generation,
            // Made meanwhile: it counts if it was not invalidated since.
            (None, Some(record)) => record.changed_ms == 0,
            // Lost or removed meanwhile, and with it whether it was invalidated.
            (Some(_), None) => false,
            (None, None) => true,
        };
        self.program == now.program && now.tags.iter().all(is_same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_encoding_and_nothing_else_is_one() {
        let record = Record::new(5_000).invalidated(true, 1_000);
        let signer = Signer::default();
        let decode = |raw: &[u8]| Record::decode(raw, "{all}", &signer);
        let raw = record.encode("{all}", &signer);
        assert_eq!(decode(&raw), Some(record));
        for bit in 0..raw.len() * 8 {
            let mut flipped = raw.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&flipped), None, "bit {bit}");
        }
        for length in 0..raw.len() {
            assert_eq!(decode(&raw[..length]), None);
        }
        assert_eq!(decode(&[&raw[..], b"\0"].concat()), None);
    }

    #[test]
    fn an_invalidation_that_is_repeated_never_leads_back() {
        let (before, change) = (Record::new(0), Generation::random());
        let mut record = before;
        for _ in 0..1_000 {
            record = record.changed_by(change, true, 1);
            let difference = before.generation.difference(record.generation);
            assert_eq!(difference, Difference::Hard);
        }
    }

    #[test]
    fn either_of_two_is_old_where_one_of_them_is() {
        let before = Record::new(0);
        let soft = before.invalidated(false, 1).generation;
        let hard = before.invalidated(true, 1).generation;
        let before = before.generation;
        for (other, expected) in [
            (before, Difference::Same),
            (soft, Difference::Soft),
            (hard, Difference::Hard),
        ] {
            for either in [before.either(other), other.either(before)] {
                assert_eq!(either.difference(before), expected);
                assert_eq!(either.difference(other), expected);
            }
        }
    }

    #[test]
    fn a_soft_invalidation_leaves_the_hard_generation_alone() {
        let before = Record::new(0);
        let soft = before.invalidated(false, 1);
        assert_eq!(
            before.generation.difference(soft.generation),
            Difference::Soft
        );
        let hard = soft.invalidated(true, 2);
        assert_eq!(
            before.generation.difference(hard.generation),
            Difference::Hard
        );
        let softer = hard.invalidated(false, 3);
        assert_eq!(
            before.generation.difference(softer.generation),
            Difference::Hard
        );
        assert_eq!(
            softer.generation.difference(softer.generation),
            Difference::Same
        );
    }
}
