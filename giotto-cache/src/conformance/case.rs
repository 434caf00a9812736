//! One key of a store, and what a sentence of the contract says about it.
//!
//! No step of a request.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::samples::show;
use crate::keyvalue::KeyValue;

/// One key and the sentence that it is to show; panics with both.
pub(super) struct Case<'s> {
    pub(super) store: &'s dyn KeyValue,
    pub(super) sentence: &'static str,
    pub(super) key: String,
    /// When the value may have expired, so that nothing is known any more.
    pub(super) until: Option<Instant>,
}

impl Case<'_> {
    /// Whether the value may have expired.
    pub(super) fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }

    pub(super) async fn set(&self, value: &[u8], expire: Option<Duration>) {
        if let Err(error) = self
            .store
            .set(&self.key, Bytes::copy_from_slice(value), expire)
            .await
        {
            self.fail(&format!(
                "a set of {} to expire in {expire:?} failed: {error}",
                show(value)
            ));
        }
    }

    pub(super) async fn finds(&self, expected: Option<&[u8]>, when: &str) {
        let found = match self.store.get(&self.key).await {
            Ok(found) => found,
            Err(error) => self.fail(&format!("{when}, get failed: {error}")),
        };
        let at_once = self.store.get_now(&self.key).unwrap_or(found.clone());
        for (operation, found) in [("get", found), ("get_now", at_once)] {
            self.is(expected, found.as_deref(), &format!("{when}, {operation}"));
        }
    }

    /// What `operation` `found` is what was `expected`.
    pub(super) fn is(&self, expected: Option<&[u8]>, found: Option<&[u8]>, operation: &str) {
        if found != expected && !self.is_over() {
            let [expected, found] =
                [expected, found].map(|value| value.map_or_else(|| "nothing".into(), show));
            self.fail(&format!("{operation} returned {found}, not {expected}"));
        }
    }

    pub(super) async fn adds(
        &self,
        value: &'static [u8],
        expire: Option<Duration>,
        expected: bool,
        when: &str,
    ) {
        match self
            .store
            .add(&self.key, Bytes::from_static(value), expire)
            .await
        {
            Ok(added) if added == expected || self.is_over() => {}
            Ok(added) => self.fail(&format!("an add {when} returned {added}")),
            Err(error) => self.fail(&format!("an add {when} failed: {error}")),
        }
    }

    pub(super) async fn deletes(&self, expected: bool, when: &str) {
        match self.store.delete(&self.key).await {
            Ok(deleted) if deleted == expected => {}
            Ok(deleted) => self.fail(&format!("delete {when} returned {deleted}")),
            Err(error) => self.fail(&format!("delete {when} failed: {error}")),
        }
    }

    pub(super) fn fail(&self, what: &str) -> ! {
        let (store, sentence, key) = (self.store, self.sentence, show(self.key.as_bytes()));
        panic!("{store:?} breaks its contract:\n  {sentence}\n  key {key}: {what}");
    }

    /// Replaces `old` by `new`, to expire in `expire`.
    pub(super) async fn replaces(
        &self,
        old: &[u8],
        new: Option<&'static [u8]>,
        expire: Option<Duration>,
        expected: bool,
        when: &str,
    ) {
        let new = new.map(Bytes::from_static);
        match self.store.replace(&self.key, old, new, expire).await {
            Ok(replaced) if replaced == expected || self.is_over() => {}
            Ok(replaced) => self.fail(&format!(
                "a replace of {} {when} returned {replaced}",
                show(old)
            )),
            Err(error) => self.fail(&format!(
                "a replace of {} {when} failed: {error}",
                show(old)
            )),
        }
    }
}
