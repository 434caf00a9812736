//! A lease: of several processes that want to compute the same entry, one does.
//!
//! Part of step 4 of a lookup. A record beside the entry, `{lease:..}`, holds the token of its owner. The owner renews it
//! while it computes; if the owner dies, the lease ends by itself a few seconds later. A lease is not a
//! lock: if the store loses it or does not answer, two processes compute. It also carries a message: an operation that
//! removes the entry deletes the lease first. Its owner no longer finds its token, and does not keep its result.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::AbortHandle;

use crate::guard::store::GuardedStore;
use crate::guard::unanswered::Unanswered;
use crate::key::Key;
use crate::log::{Cut, Limiter};

/// The life of a lease that is not renewed.
pub(crate) const LIFE: Duration = Duration::from_secs(5);
/// How the key of a lease begins.
pub(crate) const PREFIX: &str = "{lease:";
const RENEW_EVERY: Duration = Duration::from_millis(1_500);

/// The right to compute. It ends when it is released or dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    store: Arc<GuardedStore>,
    key: String,
    token: Bytes,
    renewal: AbortHandle,
}

/// Who has the lease.
#[derive(Debug)]
pub(crate) enum Acquired {
    /// This process.
    Held(Lease),
    /// Another process, which computes.
    HeldElsewhere,
    /// No process: leases are not used for this entry.
    NotUsed,
    /// The store did not say: compute without one.
    Unanswered,
}

/// The key of the lease of an entry: no key of a program ends in a brace.
pub(crate) fn lease_key(key: &Key) -> String {
    format!("{PREFIX}{key}}}")
}

impl Lease {
    pub(crate) async fn acquire(store: &Arc<GuardedStore>, key: &Key) -> Acquired {
        let (key, token) = (lease_key(key), token());
        match store.add(&key, token.clone(), Some(LIFE)).await {
            Ok(true) => Acquired::Held(Self::held(Arc::clone(store), key, token)),
            Ok(false) => Acquired::HeldElsewhere,
            Err(_) => Acquired::Unanswered,
        }
    }

    /// Takes the lease from its owner, whose result will not be kept.
    pub(crate) async fn take(store: &Arc<GuardedStore>, key: &Key) -> Acquired {
        let (key, token) = (lease_key(key), token());
        match store.set_for(&key, token.clone(), LIFE).await {
            true => Acquired::Held(Self::held(Arc::clone(store), key, token)),
            false => Acquired::Unanswered,
        }
    }

    /// Removes a value that stands in the place of the lease of `key` and is no lease: no owner would ever end it.
    pub(crate) async fn remove_foreign(store: &GuardedStore, log: &Limiter, key: &Key) {
        let name = lease_key(key);
        let Ok(Some(stored)) = store.get(&name).await else {
            return;
        };
        if is_token(&stored) {
            return;
        }
        let removed = match store.replace(&name, &stored, None, None).await {
            // It is too long to be compared. If it has just become a lease, two processes compute, which is harmless.
            Ok(false) if store.get(&name).await == Ok(Some(stored)) => store.delete(&name).await,
            removed => removed,
        };
        if removed == Ok(true) {
            let key = Cut(key).to_string();
            log.tell("foreign lease", move |repeated| {
                tracing::warn!(
                    key,
                    repeated,
                    "removed a value that is not a lease from the key of a lease"
                );
            });
        }
    }

    fn held(store: Arc<GuardedStore>, key: String, token: Bytes) -> Self {
        let renewal = {
            let (store, key, token) = (Arc::clone(&store), key.clone(), token.clone());
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(RENEW_EVERY).await;
                    // By compare-and-set: a renewal must not revive a lease that was taken or deleted.
                    let renewed = store.replace(&key, &token, Some(token.clone()), Some(LIFE));
                    if renewed.await == Ok(false) {
                        return;
                    }
                }
            })
        };
        Self {
            store,
            key,
            token,
            renewal: renewal.abort_handle(),
        }
    }

    /// Whether it is still this owner's.
    pub(crate) async fn is_held(&self) -> Result<bool, Unanswered> {
        let owner = self.store.get(&self.key).await?;
        Ok(owner.as_ref() == Some(&self.token))
    }

    /// Releases the lease, and returns whether this owner still held it. It did not if the lease had run out, or if the entry
    /// was expired or removed meanwhile. If the store does not answer, it counts as held.
    pub(crate) async fn release(mut self) -> bool {
        // Taken out, so that `drop` does not release the lease a second time.
        let token = std::mem::take(&mut self.token);
        let released = self.store.replace(&self.key, &token, None, None);
        released.await != Ok(false)
    }
}

/// Also gives the lease back if the computation panicked, so that no process waits until it ends by itself.
impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
        if self.token.is_empty() {
            return;
        }
        let (store, key) = (Arc::clone(&self.store), std::mem::take(&mut self.key));
        let token = std::mem::take(&mut self.token);
        tokio::spawn(async move { store.replace(&key, &token, None, None).await });
    }
}

/// Whether `raw` may be what [`token`] has written.
fn is_token(raw: &[u8]) -> bool {
    let words = std::str::from_utf8(raw).unwrap_or_default().split(' ');
    match *words.collect::<Vec<_>>() {
        ["process", number, random] => {
            number.parse::<u32>().is_ok()
                && random.len() == 32
                && random.bytes().all(|byte| byte.is_ascii_hexdigit())
        }
        _ => false,
    }
}

/// The process that computes, for people who read it, and a number that no other owner has.
fn token() -> Bytes {
    format!("process {} {:032x}", std::process::id(), fastrand::u128(..)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_form() {
        assert!(is_token(&token()));
        for foreign in [
            "",
            "x",
            "process 1 0",
            "process x 00000000000000000000000000000000",
        ] {
            assert!(!is_token(foreign.as_bytes()), "{foreign}");
        }
    }
}
