//! The tags of a result: each with its generation from before the result was computed.
//!
//! Part of step 4 of a lookup, for entries that have tags.

use crate::backend::Unanswered;
use crate::cache::Inner;
use crate::control::Wish;
use crate::entry::{Clocks, Stamp};
use crate::generation::{Record, tag_key};
use crate::job::Job;
use crate::lookup::{MAX_TAGS, is_tag};
use crate::verdict::Marks;
use crate::{Key, Policy};

/// A record outlives the entries that name it by so much, so that it is not written again for each of them.
const RECORD_MARGIN_MS: u64 = 24 * 3_600_000;

/// Why a result has no tags that it could be stored with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unstamped {
    /// It is not to be stored anyway.
    NotWanted,
    /// A tag that only the computation knew was invalidated while it ran.
    Invalidated,
    /// A tag cannot be one, or the store does not say what became of it.
    Unknown,
}

impl Inner {
    /// Gives each tag of `job` a generation before the result is computed, so that an invalidation from here on is
    /// seen; whether all have one.
    pub(crate) async fn begin_tags(&self, marks: &mut Marks, job: &Job, is_answered: bool) -> bool {
        if job.tags.is_empty() {
            return true;
        }
        if !is_answered || !are_tags(&job.key, &job.tags) {
            return false;
        }
        let keep_until = self.record_keep_until(&job.policy);
        for (tag, record) in &mut marks.tags {
            if record.is_none() {
                *record = self.add_record(tag, keep_until).await;
            }
        }
        job.tags.iter().all(|tag| marks.has(tag))
            && marks.tags.iter().all(|(_, record)| record.is_some())
    }

    fn record_keep_until(&self, policy: &Policy) -> u64 {
        let keep_until = policy.clocks(self.clock.now_ms(), 0.0).keep_until;
        keep_until.saturating_add(RECORD_MARGIN_MS)
    }

    /// The record of a tag that had none, made now unless somebody else has just made it.
    async fn add_record(&self, tag: &str, keep_until: u64) -> Option<Record> {
        let (key, record) = (tag_key(tag), Record::new(keep_until));
        let expire = record.keep_for(self.clock.now_ms());
        match self.backend.add(&key, record.encode(), expire).await.ok()? {
            true => Some(record),
            false => Record::decode(&self.backend.get(&key).await.ok()??),
        }
    }

    /// The tags of a result with the generations from before it was computed.
    pub(crate) async fn stamp(
        &self,
        marks: &mut Marks,
        job: &Job,
        wish: &Wish,
        clocks: Clocks,
        began_ms: u64,
    ) -> Result<Vec<Stamp>, Unstamped> {
        // Tags that only the computation knew. When they were last invalidated tells whether that was before it began.
        let mut late: Vec<String> = wish.tags.clone();
        late.sort_unstable();
        late.dedup();
        late.retain(|tag| !job.tags.contains(tag));
        if !are_tags(&job.key, &[&job.tags[..], &late].concat()) {
            return Err(Unstamped::Unknown);
        }
        marks.tags.retain(|(tag, _)| job.tags.contains(tag));
        if !late.is_empty() {
            let records = self.read_records(late).await;
            for (tag, record) in records.or(Err(Unstamped::Unknown))? {
                let record = match record {
                    Some(record) => record,
                    None => {
                        let keep_until = self.record_keep_until(&job.policy);
                        let added = self.add_record(&tag, keep_until).await;
                        added.ok_or(Unstamped::Unknown)?
                    }
                };
                if record.changed_ms >= began_ms {
                    return Err(Unstamped::Invalidated);
                }
                marks.tags.push((tag, Some(record)));
            }
        }
        let mut stamps = Vec::with_capacity(marks.tags.len());
        for (tag, record) in &marks.tags {
            let record = record.ok_or(Unstamped::Unknown)?;
            self.prolong(tag, record, clocks.keep_until).await;
            stamps.push(Stamp {
                tag: tag.clone(),
                generation: record.generation,
            });
        }
        Ok(stamps)
    }

    /// Has the record of a tag live as long as an entry that names it.
    async fn prolong(&self, tag: &str, record: Record, keep_until: u64) {
        if record.keep_until >= keep_until {
            return;
        }
        let longer = Record {
            keep_until: keep_until.saturating_add(RECORD_MARGIN_MS),
            ..record
        };
        let expire = longer.keep_for(self.clock.now_ms());
        let raw = record.encode();
        // A record that ends too early makes its entries old, and no old entry fresh.
        let _ = self
            .backend
            .replace(&tag_key(tag), &raw, Some(longer.encode()), expire)
            .await;
    }

    /// The records of `tags`.
    pub(crate) async fn read_records(
        &self,
        tags: Vec<String>,
    ) -> Result<Vec<(String, Option<Record>)>, Unanswered> {
        let keys: Vec<String> = tags.iter().map(|tag| tag_key(tag)).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let values = self.backend.get_many(&keys).await?;
        let records = values.into_iter().map(|value| Record::decode(&value?));
        Ok(tags.into_iter().zip(records).collect())
    }
}

/// Whether an entry may have `tags`; the log says why it may not.
fn are_tags(key: &Key, tags: &[String]) -> bool {
    let bad = tags.iter().find(|tag| !is_tag(tag));
    if let Some(tag) = bad {
        tracing::warn!(
            %key,
            ?tag,
            "a tag is empty, longer than 200 bytes or has control characters: the result is not stored"
        );
    }
    if tags.len() > MAX_TAGS {
        tracing::warn!(%key, "a result has more than {MAX_TAGS} tags: it is not stored");
    }
    bad.is_none() && tags.len() <= MAX_TAGS
}
