//! The small results that each thread was served last, so that the next hit of one writes no key and does not ask the store.
//!
//! Step 1 of a lookup of a function's result, where the store is the memory of this process and counts its changes: while it has
//! not changed and nothing was invalidated, it would return the same. Whether that is fresh is judged in each hit.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::mem;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::engine::hit::{self, Terms};
use crate::engine::state::Engine;
use crate::entry::Entry;
use crate::entry::hit::{is_in_time, is_untouched};
use crate::key::Key;

/// How many results each thread has: a power of two.
const PLACES: usize = 256;
/// The longest entry that is remembered, in bytes; its key is shorter. All that a thread remembers takes a third of a MiB at most,
/// and decoded values some times their part of it.
const LONGEST: usize = 512;

thread_local! {
    static RECENT: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

/// Where the results are whose calls have the same end of a digest.
#[derive(Default)]
struct Place {
    /// The digest of the last call for which the store was asked, and how often what lookups find had changed then.
    last: (u64, u64),
    result: Option<Served>,
}

/// A result that was served.
pub(crate) struct Served {
    engine: u64,
    /// How often what lookups find had changed before it was looked up.
    changes: u64,
    /// The number of the meter of its function.
    meter: usize,
    key: Key,
    pub(crate) entry: Entry,
    /// The type of its value.
    of: TypeId,
    /// An `Arc` of the decoded value, if such values are kept.
    value: Option<Box<dyn Any>>,
}

/// One call of a function, whose key need not be written yet.
#[derive(Clone, Copy)]
pub(crate) struct Call<'c> {
    engine: &'c Engine,
    name: &'c str,
    arguments: &'c str,
    changes: u64,
    digest: u64,
}

impl<'c> Call<'c> {
    /// The call of the function `name`; `None` where the store has to be asked.
    #[inline]
    pub(crate) fn of(engine: &'c Engine, name: &'c str, arguments: &'c str) -> Option<Self> {
        Some(Self {
            engine,
            name,
            arguments,
            changes: changes(engine)?,
            // By where the name is: that of most functions is a constant.
            digest: xxh3_64_with_seed(arguments.as_bytes(), name.as_ptr().addr() as u64),
        })
    }

    /// What `serve` makes of the result of type `T` that this thread was served, if the store would return the same now, and it
    /// is fresh on these `terms`.
    #[inline]
    pub(crate) fn served<T: 'static, R>(
        &self,
        terms: Terms<'_>,
        serve: impl FnOnce(&Served) -> Option<R>,
    ) -> Option<R> {
        let find = |recent: &RefCell<Vec<Place>>| {
            let recent = recent.try_borrow().ok()?;
            let served = recent.get(self.place())?.result.as_ref()?;
            let is_current =
                served.engine == self.engine.functions.id && served.changes == self.changes;
            let is_own = is_current && served.of == TypeId::of::<T>();
            if !is_own || !served.key.is_of(self.name, self.arguments) {
                return None;
            }
            served.hit(self.engine, terms)?;
            serve(served)
        };
        RECENT.try_with(find).ok()?
    }

    /// Notes that the store was asked; whether it was asked the same the last time, without a change since, so that it is worth
    /// remembering.
    #[inline]
    pub(crate) fn is_again(&self) -> bool {
        // A value that is read meanwhile may call a function, too.
        let note = |recent: &RefCell<Vec<Place>>| {
            let mut recent = recent.try_borrow_mut().ok()?;
            if recent.is_empty() {
                recent.resize_with(PLACES, Place::default);
            }
            let (last, own) = (&mut recent[self.place()].last, (self.digest, self.changes));
            Some(mem::replace(last, own) == own)
        };
        RECENT.try_with(note).ok().flatten().unwrap_or(false)
    }

    /// Remembers that the `entry` of `key` was served, and its `value`, if that is kept.
    #[cold]
    pub(crate) fn remember<T: 'static>(&self, key: &Key, entry: &Entry, value: Option<Arc<T>>) {
        // A name that is escaped in the key could be taken for another one.
        let is_remembered = entry.len() <= LONGEST && key.program() == self.name;
        let meter = self.engine.meters.number_of(self.name);
        let Some(meter) = meter.filter(|_| is_remembered) else {
            return;
        };
        let served = Served {
            engine: self.engine.functions.id,
            changes: self.changes,
            meter,
            key: key.clone(),
            entry: entry.clone(),
            of: TypeId::of::<T>(),
            value: value.map(|value| Box::new(value) as _),
        };
        let replace = |recent: &RefCell<Vec<Place>>| {
            let mut recent = recent.try_borrow_mut().ok()?;
            recent.get_mut(self.place())?.result.replace(served)
        };
        // The result before is dropped when nothing is borrowed any more: its value may call a function.
        drop(RECENT.try_with(replace));
    }

    fn place(&self) -> usize {
        self.digest as usize % PLACES
    }
}

impl Served {
    /// Counts a hit, if it is fresh and has the tags of its caller. There was no change, so that the generations of its tags count.
    #[inline]
    fn hit(&self, engine: &Engine, terms: Terms<'_>) -> Option<()> {
        let (key, entry) = (&self.key, &self.entry);
        let now_ms = engine
            .functions
            .ticks
            .now_before(entry.envelope().fresh_until());
        let doubted_before_ms = engine.store.doubted_before_ms(now_ms);
        let meter = engine.meters.numbered(self.meter)?;
        let (envelope, Terms { policy, tags, .. }) = (entry.envelope(), terms);
        let generation = engine.programs.of(key.program(), meter, &engine.pending);
        let is_hit = is_in_time(envelope, policy, doubted_before_ms, now_ms)
            && is_untouched(envelope, policy, tags, generation, |_| true);
        if !is_hit {
            return None;
        }
        hit::count(engine, meter, key, entry, terms.is_independent, now_ms);
        Some(())
    }

    /// Its decoded value, if that is kept.
    #[inline]
    pub(crate) fn value<T: 'static>(&self) -> Option<&Arc<T>> {
        self.value.as_ref()?.downcast_ref()
    }
}

/// How often what a lookup finds has changed, but by time: what is stored, or what was invalidated. `None` if that is not known, or
/// while something changes.
#[inline]
fn changes(engine: &Engine) -> Option<u64> {
    let stored = engine.functions.changes.as_ref()?.count()?;
    let is_settled = engine.pending.is_empty();
    is_settled.then(|| stored.wrapping_add(engine.programs.changes()))
}
