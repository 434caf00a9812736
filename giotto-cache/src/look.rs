//! One look into the store: the entry, the generations it depends on, and the verdict.
//!
//! Steps 2 and 3 of a lookup.

use std::sync::Arc;

use bytes::Bytes;

use crate::answer::{Answer, Status};
use crate::cache::Inner;
use crate::entry::{Entry, Undecodable};
use crate::generation::{ALL, Generation, Record, Scope, program_key, tag_key};
use crate::guard::unanswered::Unanswered;
use crate::log::Cut;
use crate::lookup::Lookup;
use crate::verdict::{Fallback, Marks, Reason, Verdict, judge};
use crate::{Key, Place};

/// How often the log tells of values that are no entries.
const IGNORED_EVERY_MS: u64 = 60_000;

/// What a look found.
#[derive(Debug)]
pub(crate) struct Look {
    /// The entry, whether it may be served or not.
    pub(crate) entry: Option<Entry>,
    pub(crate) verdict: Verdict,
    pub(crate) marks: Marks,
    /// Whether the store was asked and answered.
    pub(crate) is_answered: bool,
    pub(crate) now_ms: u64,
}

impl Look {
    /// No look at all, because the caller does not want what is stored.
    pub(crate) fn left_out(reason: Reason) -> Self {
        Self::nothing(reason, Marks::default(), false, 0)
    }

    fn nothing(reason: Reason, marks: Marks, is_answered: bool, now_ms: u64) -> Self {
        let verdict = Verdict::Due {
            reason,
            fallback: Fallback::Never,
        };
        Self {
            entry: None,
            verdict,
            marks,
            is_answered,
            now_ms,
        }
    }

    /// The same for a caller who wants a new result whatever is stored, which may be no more than its model's old
    /// value.
    pub(crate) fn refused(self) -> Self {
        let verdict = Verdict::Due {
            reason: Reason::Refresh,
            fallback: Fallback::Never,
        };
        Self {
            entry: self.old_value(),
            verdict,
            ..self
        }
    }

    /// Why there is nothing fresh.
    pub(crate) fn reason(&self) -> Reason {
        match &self.verdict {
            Verdict::Stale { reason, .. }
            | Verdict::Throttled { reason }
            | Verdict::Due { reason, .. } => reason.clone(),
            Verdict::Fresh | Verdict::Early => Reason::Refresh,
        }
    }

    /// Whether it found something to serve as a result of now.
    pub(crate) fn is_fresh(&self) -> bool {
        matches!(self.verdict, Verdict::Fresh | Verdict::Early)
    }

    /// When what was found may be served because no new result can be had.
    pub(crate) fn fallback(&self) -> Fallback {
        match self.verdict {
            Verdict::Due { fallback, .. } => fallback,
            _ => Fallback::Always,
        }
    }

    /// What a computation may see of the result before: not what was invalidated for good.
    pub(crate) fn old_value(&self) -> Option<Entry> {
        let is_usable = !matches!(
            self.verdict,
            Verdict::Due {
                reason: Reason::Invalidated(_)
                    | Reason::TagLost(_)
                    | Reason::Version
                    | Reason::ClockSkew
                    | Reason::Undecodable,
                fallback: Fallback::Never,
            }
        );
        self.entry
            .clone()
            .filter(|entry| is_usable && !entry.is_negative())
    }
}

/// What the store answered: the stored bytes, if any, and the generations that count.
#[derive(Debug)]
pub(crate) struct Read {
    stored: Result<Option<Bytes>, Unanswered>,
    marks: Marks,
}

impl Read {
    /// The store was not asked.
    pub(crate) fn left_out() -> Self {
        Self {
            stored: Ok(None),
            marks: Marks::default(),
        }
    }
}

impl Inner {
    pub(crate) async fn look(&self, lookup: &Lookup<'_>) -> Look {
        let read = self.read(lookup).await;
        self.judge(lookup, read).await
    }

    /// The shortest way to a fresh page: one that has nothing but a time to live, in a store that answers at once.
    pub(crate) fn hit_now(&self, lookup: &Lookup<'_>) -> Option<Answer> {
        let program = lookup.key.program();
        if !lookup.is_plain() || self.epochs.is_due(program, || self.clock.now_ms()) {
            return None;
        }
        let stored = self.backend.get_now(lookup.key.as_str())??;
        self.plain_hit(lookup, stored, &self.epoch(program))
    }

    /// What was read, if it is a fresh page that has nothing but a time to live.
    pub(crate) fn hit(&self, lookup: &Lookup<'_>, read: &Read) -> Option<Answer> {
        let stored = read.stored.as_ref().ok()?.clone()?;
        lookup
            .is_plain()
            .then(|| self.plain_hit(lookup, stored, &read.marks.epoch))?
    }

    fn plain_hit(&self, lookup: &Lookup<'_>, stored: Bytes, epoch: &Generation) -> Option<Answer> {
        let is_trusted = self.backend.place() == Place::InProcess;
        let entry = Entry::open_signed(stored, &lookup.key, is_trusted, &self.signer).ok()?;
        let now_ms = self.clock.now_ms();
        let is_plain = epoch.is_none() && entry.is_plain() && entry.is_within(lookup.policy);
        if !is_plain || !entry.is_fresh(now_ms) || entry.is_from_the_future(now_ms) {
            return None;
        }
        self.stats.hits.increase();
        Some(Answer::new(entry, Status::Hit, None, now_ms))
    }

    /// The stored bytes as an entry that lives no longer than the policy of `lookup` allows.
    pub(crate) fn open(
        &self,
        lookup: &Lookup<'_>,
        stored: Bytes,
        now_ms: u64,
    ) -> Result<Entry, Undecodable> {
        let is_trusted = self.backend.place() == Place::InProcess;
        let mut entry = Entry::open_signed(stored, &lookup.key, is_trusted, &self.signer)?;
        entry.limit(lookup.policy, lookup.allows_own_time, now_ms);
        Ok(entry)
    }

    /// Opens what was read, and decides what may be done with it.
    pub(crate) async fn judge(&self, lookup: &Lookup<'_>, read: Read) -> Look {
        let key = &lookup.key;
        let Read { stored, mut marks } = read;
        let stored = match stored {
            Ok(stored) => stored,
            Err(unanswered) => {
                return Look::nothing(unanswered.into(), marks, false, self.clock.now_ms());
            }
        };
        let Some(stored) = stored else {
            let now_ms = self.clock.now_ms();
            let reason = self.recent.why_absent(key.as_str(), now_ms);
            return Look::nothing(reason, marks, true, now_ms);
        };
        let now_ms = self.clock.now_ms();
        let entry = match self.open(lookup, stored, now_ms) {
            Ok(entry) => entry,
            Err(error) => return Look::nothing(self.ignored(key, error), marks, true, now_ms),
        };
        if let Err(unanswered) = self.read_tags_of(&entry, &mut marks).await {
            return Look::nothing(unanswered.into(), marks, false, self.clock.now_ms());
        }
        let now_ms = self.clock.now_ms();
        let verdict = judge(
            &entry,
            &marks,
            lookup,
            now_ms,
            || self.draw(),
            || self.latest(key.program()),
        );
        Look {
            entry: Some(entry),
            verdict,
            marks,
            is_answered: true,
            now_ms,
        }
    }

    /// Why a stored value is a miss. A value that another program must have stored is logged once a minute.
    fn ignored(&self, key: &Key, error: Undecodable) -> Reason {
        tracing::debug!(%error, %key, "a stored value was ignored");
        if !matches!(error, Undecodable::Version)
            && self.ignorings.allows(self.clock.now_ms(), IGNORED_EVERY_MS)
        {
            tracing::warn!(
                %error,
                key = %Cut(key),
                "the cache backend has a value that is no entry of its key: it is a miss, and replaced; the counters say \
                 how many there are"
            );
        }
        match error {
            Undecodable::Forged => Reason::Forged,
            _ => Reason::Undecodable,
        }
    }

    /// What the store has, and the generations that are known or have to be read with it.
    pub(crate) async fn read(&self, lookup: &Lookup<'_>) -> Read {
        let program = lookup.key.program();
        if lookup.tags.is_empty() && !self.epochs.is_due(program, || self.clock.now_ms()) {
            let stored = self.backend.get(lookup.key.as_str()).await;
            return Read {
                stored,
                marks: self.known_marks(program),
            };
        }
        // Boxed, so that the future of a plain hit stays small.
        match Box::pin(self.read_with_marks(lookup)).await {
            Ok((stored, marks)) => Read {
                stored: Ok(stored),
                marks,
            },
            Err(unanswered) => Read {
                stored: Err(unanswered),
                marks: self.known_marks(program),
            },
        }
    }

    /// The generation of `program` and of everything in one, as this process has to see it.
    fn epoch(&self, program: &str) -> Generation {
        if self.pending.is_empty() {
            return self.epochs.of(program);
        }
        let generation = |scope: &Scope| {
            let record = self.epochs.record(&scope.record_key());
            self.pending.applied(scope, record).generation
        };
        generation(&Scope::All).and(generation(&Scope::Program(program.to_owned())))
    }

    /// The scope that was invalidated last of those that `program` depends on.
    fn latest(&self, program: &str) -> Scope {
        let scopes = [Scope::Program(program.to_owned()), Scope::All];
        let due = scopes.into_iter().find(|scope| self.pending.has(scope));
        due.unwrap_or_else(|| self.epochs.latest(program))
    }

    fn known_marks(&self, program: &str) -> Marks {
        Marks {
            epoch: self.epoch(program),
            tags: Vec::new(),
        }
    }

    /// One multi-get of the entry and of the generations that it may depend on.
    async fn read_with_marks(
        &self,
        lookup: &Lookup<'_>,
    ) -> Result<(Option<Bytes>, Marks), Unanswered> {
        let program = lookup.key.program();
        let now_ms = self.clock.now_ms();
        let own_key = program_key(program);
        let tag_keys: Vec<String> = lookup.tags.iter().map(|tag| tag_key(tag)).collect();
        let mut keys = vec![lookup.key.as_str()];
        if self.is_shared() {
            keys.extend([ALL, own_key.as_str()]);
        }
        keys.extend(tag_keys.iter().map(String::as_str));
        let mut values = match self.backend.get_many(&keys).await {
            Ok(values) => values.into_iter(),
            // The layer that all share does not answer, but one above may have the entry.
            Err(_) if self.backend.place() == Place::Layered && lookup.tags.is_empty() => {
                vec![self.backend.get(lookup.key.as_str()).await?].into_iter()
            }
            Err(unanswered) => return Err(unanswered),
        };
        let stored = values.next().flatten();
        if self.is_shared()
            && let (Some(all), Some(own)) = (values.next(), values.next())
        {
            let all = self.epoch_record(ALL, all)?;
            let own = self.epoch_record(&own_key, own)?;
            for (key, record) in self.epochs.learn(program, [all, own], now_ms) {
                self.restore(key, record);
            }
        }
        let marks = Marks {
            epoch: self.epoch(program),
            tags: self.tag_records(lookup.tags.clone(), values),
        };
        Ok((stored, marks))
    }

    /// The record of a program or of everything, if the store has one.
    ///
    /// What one says that cannot be read is not known, and no page may be served against it: it is replaced by a new
    /// purge, and this lookup is answered as one that the store has failed.
    fn epoch_record(&self, key: &str, raw: Option<Bytes>) -> Result<Option<Record>, Unanswered> {
        let Some(raw) = raw else {
            return Ok(None);
        };
        if let Some(record) = Record::decode(&raw, key, &self.signer) {
            // Signed with a key that will be left out some day.
            if !self.signer.is_off() && record.encode(key, &self.signer) != raw {
                self.restore(key.to_owned(), record);
            }
            return Ok(Some(record));
        }
        let purged = self
            .epochs
            .record(key)
            .invalidated(true, self.clock.now_ms());
        let (backend, key) = (Arc::clone(&self.backend), key.to_owned());
        let new = purged.encode(&key, &self.signer);
        tokio::spawn(async move {
            let replaced = match backend.replace(&key, &raw, Some(new.clone()), None).await {
                // Damaged on its way only, replaced by another process, or what cannot be compared: too long.
                Ok(false) if backend.get(&key).await == Ok(Some(raw)) => {
                    let _ = backend.delete(&key).await;
                    backend.add(&key, new, None).await
                }
                replaced => replaced,
            };
            if replaced == Ok(true) {
                tracing::warn!(key = %Cut(&key), "a damaged record of an invalidation was replaced by a purge");
            }
        });
        Err(Unanswered::Failed)
    }

    /// The record of `tag` as this process has to see it.
    pub(crate) fn applied(&self, tag: &str, record: Record) -> Record {
        match self.pending.is_empty() {
            true => record,
            false => self.pending.applied(&Scope::Tag(tag.to_owned()), record),
        }
    }

    /// The records of `tags`, from what the store has of each, as this process has to see them.
    pub(crate) fn tag_records(
        &self,
        tags: Vec<String>,
        values: impl Iterator<Item = Option<Bytes>>,
    ) -> Vec<(String, Option<Record>)> {
        let records = tags.into_iter().zip(values).map(|(tag, raw)| {
            let record = raw.and_then(|raw| Record::decode(&raw, &tag_key(&tag), &self.signer));
            let record = record.map(|record| self.applied(&tag, record));
            (tag, record)
        });
        records.collect()
    }

    /// Writes a record again that the store has lost, or has in an older state, so that processes which never saw it do
    /// not take what was invalidated for fresh. Nobody waits for it.
    fn restore(&self, key: String, record: Record) {
        let (backend, signer) = (Arc::clone(&self.backend), self.signer.clone());
        let expire = record.keep_for(self.clock.now_ms());
        tokio::spawn(async move {
            let raw = record.encode(&key, &signer);
            let Ok(stored) = backend.get(&key).await else {
                return;
            };
            let Some(stored) = stored else {
                let _ = backend.add(&key, raw, expire).await;
                return;
            };
            let known = Record::decode(&stored, &key, &signer);
            if known.is_some_and(|known| known.changed_ms <= record.changed_ms) && stored != raw {
                let _ = backend.replace(&key, &stored, Some(raw), expire).await;
            }
        });
    }

    /// Reads the generations of those tags of `entry` that only its computation knew.
    async fn read_tags_of(&self, entry: &Entry, marks: &mut Marks) -> Result<(), Unanswered> {
        let Some(extension) = entry
            .extension()
            .filter(|extension| !extension.tags.is_empty())
        else {
            return Ok(());
        };
        let tags = extension.tags.into_iter().map(|stamp| stamp.tag);
        let unread: Vec<String> = tags.filter(|tag| !marks.has(tag)).collect();
        if !unread.is_empty() {
            marks.tags.extend(self.read_records(unread).await?);
        }
        Ok(())
    }
}

impl From<Unanswered> for Reason {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Failed | Unanswered::Rejected | Unanswered::TooLarge => Self::BackendError,
            Unanswered::Late => Self::BackendTimeout,
            Unanswered::Skipped => Self::BackendSkipped,
        }
    }
}
