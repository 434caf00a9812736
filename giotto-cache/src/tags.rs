//! The tags of a result: each with its generation from before the result was computed.
//!
//! Part of step 4 of a lookup, for entries that have tags.

use crate::cache::Inner;
use crate::control::Wish;
use crate::entry::{Clocks, Stamp};
use crate::generation::{Record, TAG_MARGIN_MS, tag_key};
use crate::guard::unanswered::Unanswered;
use crate::job::Job;
use crate::log::Cut;
use crate::lookup::{MAX_TAGS, is_tag};
use crate::verdict::Marks;
use crate::{Key, Policy};

/// How often the log tells of results with bad tags.
const BAD_EVERY_MS: u64 = 60_000;

/// Why a result has no tags that it could be stored with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unstamped {
    /// It is not to be stored anyway.
    NotWanted,
    /// A tag that only the computation knew was invalidated while it ran.
    Invalidated,
    /// A tag cannot be one, or there are too many.
    Bad,
    /// The store does not say what became of a tag.
    Unknown,
}

impl Inner {
    /// Gives each tag of `job` a generation before the result is computed, so that an invalidation from here on is
    /// seen; whether all have one.
    pub(crate) async fn begin_tags(&self, marks: &mut Marks, job: &Job, is_answered: bool) -> bool {
        if job.tags.is_empty() {
            return true;
        }
        if !is_answered || !self.are_tags(&job.key, &job.tags) {
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
        keep_until.saturating_add(TAG_MARGIN_MS)
    }

    /// The record of a tag that had no sound one, made now unless another process has just made it.
    async fn add_record(&self, tag: &str, keep_until: u64) -> Option<Record> {
        let (key, record) = (tag_key(tag), Record::new(keep_until));
        let expire = record.keep_for(self.clock.now_ms());
        let raw = record.encode(&key, &self.signer);
        let is_new = match self.backend.add(&key, raw.clone(), expire).await.ok()? {
            true => true,
            false => {
                let stored = self.backend.get(&key).await.ok()?.unwrap_or_default();
                if let Some(record) = Record::decode(&stored, &key, &self.signer) {
                    return Some(self.applied(tag, record));
                }
                let (new, backend) = (Some(raw.clone()), &self.backend);
                let is_new = match backend.replace(&key, &stored, new, expire).await.ok()? {
                    // What cannot be compared is too long, or of another type.
                    false => {
                        backend.delete(&key).await.ok()?;
                        backend.add(&key, raw, expire).await.ok()?
                    }
                    true => true,
                };
                if is_new {
                    tracing::warn!(
                        key,
                        "a damaged record of a tag was replaced: its pages are old"
                    );
                }
                is_new
            }
        };
        is_new.then(|| self.applied(tag, record))
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
        if !self.are_tags(&job.key, &[&job.tags[..], &late].concat()) {
            return Err(Unstamped::Bad);
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
            keep_until: keep_until.saturating_add(TAG_MARGIN_MS),
            ..record
        };
        let expire = longer.keep_for(self.clock.now_ms());
        let key = tag_key(tag);
        let [raw, longer] = [record, longer].map(|record| record.encode(&key, &self.signer));
        // A record that ends too early makes its entries old, and no old entry fresh.
        let _ = self.backend.replace(&key, &raw, Some(longer), expire).await;
    }

    /// The records of `tags`.
    pub(crate) async fn read_records(
        &self,
        tags: Vec<String>,
    ) -> Result<Vec<(String, Option<Record>)>, Unanswered> {
        let keys: Vec<String> = tags.iter().map(|tag| tag_key(tag)).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let values = self.backend.get_many(&keys).await?;
        Ok(self.tag_records(tags, values.into_iter()))
    }

    /// Whether an entry may have `tags`; the log says why it may not, once a minute.
    fn are_tags(&self, key: &Key, tags: &[String]) -> bool {
        if may_be_tags(tags) {
            return true;
        }
        if self.bad_tags.allows(self.clock.now_ms(), BAD_EVERY_MS) {
            let tag = tags.iter().find(|tag| !is_tag(tag));
            tracing::warn!(
                key = %Cut(key),
                tag = tag.map(|tag| Cut(tag).to_string()),
                tags = tags.len(),
                "a result is not stored: a tag is 1 to 200 bytes long and has no control characters, and a result has at \
                 most {MAX_TAGS}"
            );
        }
        false
    }
}

/// Whether an entry may have `tags`.
pub(crate) fn may_be_tags(tags: &[String]) -> bool {
    tags.len() <= MAX_TAGS && tags.iter().all(|tag| is_tag(tag))
}
