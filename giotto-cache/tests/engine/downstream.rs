//! What the caches in front of this one are told of: every invalidation.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use giotto_cache::testing::{assert_hit, assert_miss};
use giotto_cache::{
    Cache, Downstream, DummyKeyValue, Invalidation, Lookup, NotStored, Outdated, Result, Scope,
    async_trait,
};

use crate::model::Model;
use crate::until::until;
use crate::world::{MINUTE, ask_for, key, processes, scopes, seconds, user_page, warm_user_page};

/// Notes what it is told.
#[derive(Clone, Debug, Default)]
struct Notes(Arc<Mutex<Vec<Invalidation>>>);

#[async_trait]
impl Downstream for Notes {
    fn invalidated(&self, invalidation: &Invalidation) {
        self.0.lock().unwrap().push(invalidation.clone());
    }
}

impl Notes {
    fn of(cache: &Cache) -> Self {
        let notes = Self::default();
        cache.add_downstream(Arc::new(notes.clone()));
        notes
    }

    fn take(&self) -> Vec<(Outdated, bool)> {
        let told = std::mem::take(&mut *self.0.lock().unwrap());
        let told = told.into_iter();
        told.map(|told| (told.outdated, told.is_hard)).collect()
    }
}

#[tokio::test]
async fn the_caches_downstream_are_told_of_every_invalidation_once() -> Result<()> {
    let ([cache], _, _) = processes();
    let notes = Notes::of(&cache);
    for scope in scopes() {
        cache.invalidate(scope.clone()).await?;
        cache.purge(scope.clone()).await?;
        let outdated = Outdated::Scope(scope);
        assert_eq!(notes.take(), [(outdated.clone(), false), (outdated, true)]);
    }
    // A cache downstream may have what is not stored here.
    cache.expire(&key("page")).await?;
    cache.remove(&key("page")).await?;
    let page = || Outdated::Entry(key("page"));
    assert_eq!(notes.take(), [(page(), false), (page(), true)]);
    cache.clear().await?;
    assert_eq!(notes.take(), [(Outdated::Scope(Scope::All), true)]);
    assert!(cache.invalidate("no\ttag").await.is_err());
    assert_eq!(notes.take(), []);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn they_are_told_again_when_a_silent_store_accepts_it_and_where_it_keeps_nothing()
-> Result<()> {
    let ([writer, reader], [silent, _], clock) = processes();
    let notes = Notes::of(&writer);
    warm_user_page([&writer, &reader], &Model::default()).await?;
    silent.delay(seconds(3_600));
    writer.invalidate("user:7").await.unwrap_err();
    let told = || [(Outdated::Scope("user:7".into()), false)];
    assert_eq!(notes.take(), told());
    silent.heal();
    tokio::time::sleep(seconds(5)).await;
    clock.advance(seconds(2));
    assert_eq!(writer.pending_invalidations(), 0);
    // Until then, another process may have given them the old page again.
    assert_eq!(notes.take(), told());

    let nowhere = Cache::new(DummyKeyValue::new());
    let notes = Notes::of(&nowhere);
    nowhere.invalidate("user:7").await?;
    assert_eq!(notes.take(), told());
    Ok(())
}

/// A CDN that is purged while a page is computed gets that page afterwards: it must not be told that the page is fresh.
#[tokio::test]
async fn a_page_that_is_invalidated_while_it_is_computed_is_not_fresh_for_those_downstream()
-> Result<()> {
    for scope in scopes() {
        let ([here, there], _, clock) = processes();
        let _notes = Notes::of(&here);
        let (model, cache) = (Model::held(), here.clone());
        let runs = model.clone();
        let caller = tokio::spawn(async move { ask_for(&cache, user_page(), &runs).await });
        until(async || model.runs() == 1).await;
        there.invalidate(scope.clone()).await?;
        clock.advance(there.settles_within(&scope));
        model.release();
        let answer = caller.await.unwrap()?;
        assert_eq!(answer.not_stored, Some(NotStored::Invalidated), "{scope}");
        assert_eq!(answer.fresh_for, Some(Duration::ZERO), "{scope}");
        assert_miss!(ask_for(&here, user_page(), &model).await?);
        assert_hit!(ask_for(&here, user_page(), &model).await?);
    }
    Ok(())
}

#[tokio::test]
async fn an_entry_knows_its_tags_those_of_its_model_included() -> Result<()> {
    let ([cache], _, _) = processes();
    let model = Model::default();
    let answer = ask_for(&cache, user_page(), &model).await?;
    assert_eq!(answer.entry.tags(), ["user:7"]);
    let answer = ask_for(&cache, user_page(), &model).await?;
    assert_eq!(answer.entry.tags(), ["user:7"]);
    let answer = cache.answer(
        Lookup::new(key("late"), MINUTE).tags(vec!["b".to_owned()]),
        |control| {
            control.tags(["c", "a", "b"]);
            async { Ok::<_, giotto_cache::Error>(bytes::Bytes::new().into()) }
        },
    );
    assert_eq!(answer.await?.entry.tags(), ["b", "a", "c"]);
    Ok(())
}
