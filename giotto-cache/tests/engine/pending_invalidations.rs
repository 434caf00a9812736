//! Invalidations while the store is silent: obeyed here at once, and told when it is back.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use giotto_cache::testing::{assert_hit, assert_miss};
use giotto_cache::{Cache, Clock, ErrorKind, Lookup, Reason, Result, Scope};

use crate::model::{Model, page};
use crate::until::until;
use crate::world::{
    MINUTE, TAG, ask_for, key, processes, scopes, seconds, user_page, warm_user_page,
};

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_a_silent_store_missed_is_obeyed_here_and_sent_when_it_is_back()
-> Result<()> {
    for scope in scopes() {
        let ([writer, reader], [silent, _], clock) = processes();
        let model = Model::default();
        warm_user_page([&writer, &reader], &model).await?;
        silent.delay(seconds(3_600));
        let error = writer.invalidate(scope.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Backend);
        assert_eq!(writer.pending_invalidations(), 1);
        assert_eq!(writer.counts().deferred, 1);

        // The store answers again, and has not been told yet: the writer knows all the same.
        silent.heal();
        let answer = ask_for(&writer, user_page(), &model).await?;
        assert_miss!(answer, Reason::Invalidated(scope.clone()));
        // What it has computed since is fresh.
        assert_hit!(ask_for(&writer, user_page(), &model).await?);

        tokio::time::sleep(seconds(5)).await;
        clock.advance(seconds(2));
        assert_eq!(writer.pending_invalidations(), 0, "{scope}");
        let runs = model.runs();
        ask_for(&reader, user_page(), &model).await?;
        assert!(
            model.runs() > runs || reader.counts().misses == 0,
            "{scope}"
        );
    }
    Ok(())
}

/// The reader has the page, the writer cannot tell the store: no page from before is a hit once the store is back.
#[tokio::test(start_paused = true)]
async fn other_processes_obey_soon_after_the_store_is_back() -> Result<()> {
    for scope in scopes() {
        let ([writer, reader], [silent, _], clock) = processes();
        let model = Model::default();
        warm_user_page([&writer, &reader], &model).await?;
        silent.errors(1.0);
        writer.purge(scope.clone()).await.unwrap_err();
        silent.heal();
        tokio::time::sleep(seconds(1)).await;
        // Programs and everything are read once a second.
        clock.advance(seconds(1));
        let answer = ask_for(&reader, user_page(), &model).await?;
        assert!(answer.reason.is_some(), "{scope}: the old page is a hit");
    }
    Ok(())
}

/// A page of no other use.
fn third() -> Lookup {
    Lookup::new(key("third"), MINUTE)
}

async fn until_its_breaker_opens(cache: &Cache, model: &Model) -> Result<()> {
    while !cache.layers()[0].reads_open {
        ask_for(cache, third(), model).await?;
    }
    Ok(())
}

/// A lookup has the probe sent, a second after the last one.
async fn until_it_finds_the_store_back(cache: &Cache, clock: &Clock, model: &Model) -> Result<()> {
    clock.advance(seconds(1));
    ask_for(cache, third(), model).await?;
    until(async || !cache.layers()[0].reads_open).await;
    Ok(())
}

/// The reader, too, has seen that the store was lost. What it had before is in doubt for a second: the writer could not tell it.
#[tokio::test(start_paused = true)]
async fn what_a_store_had_before_it_was_lost_is_in_doubt_for_a_second() -> Result<()> {
    let ([writer, reader], [silent, lost], clock) = processes();
    let (model, other) = (Model::default(), || Lookup::new(key("other"), MINUTE));
    warm_user_page([&writer, &reader], &model).await?;
    ask_for(&reader, other(), &model).await?;
    for store in [&silent, &lost] {
        store.errors(1.0);
    }
    until_its_breaker_opens(&reader, &model).await?;
    writer.invalidate(TAG).await.unwrap_err();
    for store in [&silent, &lost] {
        store.heal();
    }
    until_it_finds_the_store_back(&reader, &clock, &model).await?;
    assert_eq!(writer.pending_invalidations(), 1, "it is not told yet");
    for lookup in [user_page(), other()] {
        assert_miss!(
            ask_for(&reader, lookup.clone(), &model).await?,
            Reason::BackendSkipped
        );
        // What was computed since is not in doubt.
        assert_hit!(ask_for(&reader, lookup, &model).await?);
    }
    Ok(())
}

/// Who comes when the store is lost cannot ask it whether the page was invalidated since its computation began.
#[tokio::test(start_paused = true)]
async fn a_caller_that_finds_the_store_lost_shares_no_computation_from_before() -> Result<()> {
    let ([writer, reader], [_, lost], _) = processes();
    let model = Model::default();
    warm_user_page([&writer, &reader], &model).await?;
    writer.invalidate(TAG).await?;
    let [first, late] = pages_around(&reader, &model, async || {
        writer.invalidate(TAG).await?;
        lost.errors(1.0);
        Ok(())
    })
    .await?;
    assert_eq!(late, first + 1);
    Ok(())
}

/// The numbers of two pages: of a caller that leads a computation, and of one that comes after the `change`, while it runs.
async fn pages_around(
    cache: &Cache,
    model: &Model,
    change: impl AsyncFnOnce() -> Result<()>,
) -> Result<[usize; 2]> {
    let runs = model.runs();
    model.hold();
    let late = async {
        until(async || model.runs() > runs).await;
        change().await?;
        ask_for(cache, user_page(), model).await
    };
    let joined = async {
        until(async || cache.counts().collapsed == 1).await;
        model.release();
    };
    let first = ask_for(cache, user_page(), model);
    let (first, late, ()) = tokio::join!(first, late, joined);
    Ok([page(&first?), page(&late?)])
}

/// The process of the caller learns of no invalidation by others while its store does not answer, and has not seen what its own
/// changed.
#[tokio::test(start_paused = true)]
async fn a_caller_without_an_answer_shares_no_computation_from_before_an_invalidation() -> Result<()>
{
    for (is_own, is_back) in [(true, false), (true, true), (false, false)] {
        let ([reader, other], [lost, _], _) = processes();
        let model = Model::default();
        lost.errors(1.0);
        until_its_breaker_opens(&reader, &model).await?;
        if is_back {
            // The breaker is still open.
            lost.heal();
        }
        let [first, late] = pages_around(&reader, &model, async || {
            let told = match is_own {
                true => reader.invalidate(TAG).await,
                false => other.invalidate(TAG).await,
            };
            assert_eq!(told.is_ok(), is_back || !is_own);
            Ok(())
        })
        .await?;
        assert_eq!(late, first + 1, "{is_own} {is_back}");
    }
    Ok(())
}

/// All who came during one computation share the next one, however far it is when they find out that they need it.
#[tokio::test(start_paused = true)]
async fn callers_without_an_answer_share_the_computation_after_theirs() -> Result<()> {
    let ([cache], [lost], _) = processes();
    let model = Model::default();
    lost.errors(1.0);
    until_its_breaker_opens(&cache, &model).await?;
    let runs = model.runs();
    model.hold();
    let ask = || Box::pin(ask_for(&cache, user_page(), &model));
    let (mut first, mut prompt, mut slow) = (ask(), ask(), ask());
    assert!(is_pending(&mut first).await);
    until(async || model.runs() == runs + 1).await;
    assert!(is_pending(&mut prompt).await && is_pending(&mut slow).await);
    model.release_one();
    first.await?;
    assert!(is_pending(&mut prompt).await);
    until(async || model.runs() == runs + 2).await;
    assert!(is_pending(&mut slow).await);
    model.release();
    assert_eq!(page(&prompt.await?), page(&slow.await?));
    assert_eq!(model.runs(), runs + 2);
    Ok(())
}

/// Whether `future` is not done when it is polled once.
async fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
    poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context).is_pending())).await
}

/// After that second, what the store has kept counts again.
#[tokio::test(start_paused = true)]
async fn after_a_second_what_the_store_has_kept_counts_again() -> Result<()> {
    let ([reader], [lost], clock) = processes();
    let model = Model::default();
    warm_user_page([&reader, &reader], &model).await?;
    lost.errors(1.0);
    until_its_breaker_opens(&reader, &model).await?;
    lost.heal();
    until_it_finds_the_store_back(&reader, &clock, &model).await?;
    clock.advance(seconds(1));
    assert_hit!(ask_for(&reader, user_page(), &model).await?);
    Ok(())
}

/// The writer has seen the store fail and does not ask it for pages, but it may be back, and the reader hits there.
#[tokio::test(start_paused = true)]
async fn an_invalidation_is_told_at_once_even_if_the_breaker_is_open() -> Result<()> {
    let ([writer, reader], [failing, _], _) = processes();
    let model = Model::default();
    warm_user_page([&writer, &reader], &model).await?;
    failing.errors(1.0);
    until_its_breaker_opens(&writer, &model).await?;
    failing.heal();
    writer.invalidate(TAG).await?;
    assert_eq!(writer.pending_invalidations(), 0);
    let answer = ask_for(&reader, user_page(), &model).await?;
    assert_miss!(answer, Reason::Invalidated(Scope::Tag(TAG.to_owned())));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn pending_invalidations_are_bounded_and_all_are_obeyed() -> Result<()> {
    let ([writer], [silent], _) = processes();
    let model = Model::default();
    warm_user_page([&writer, &writer], &model).await?;
    silent.errors(1.0);
    writer.invalidate(TAG).await.unwrap_err();
    for number in 0..3_000 {
        writer
            .invalidate(format!("other:{number}"))
            .await
            .unwrap_err();
    }
    assert!(writer.pending_invalidations() <= 1_000);
    assert_eq!(writer.counts().deferred, 3_001);
    silent.heal();
    let answer = ask_for(&writer, user_page(), &model).await?;
    assert!(answer.reason.is_some(), "the old page is a hit");
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(writer.pending_invalidations(), 0);
    Ok(())
}

/// A soft invalidation of another process, made while this one's purge is due, does not take its place.
#[tokio::test(start_paused = true)]
async fn a_pending_purge_survives_an_invalidation_of_another_process() -> Result<()> {
    let ([writer, reader], [silent, _], clock) = processes();
    let (model, policy) = (Model::default(), MINUTE.stale_while_revalidate(300));
    let lookup = || Lookup::new(key("page"), policy);
    for cache in [&writer, &reader] {
        ask_for(cache, lookup(), &model).await?;
    }
    let program = Scope::Program("program".to_owned());
    silent.errors(1.0);
    writer.purge(program.clone()).await.unwrap_err();
    clock.advance(seconds(1));
    reader.invalidate(program.clone()).await?;
    silent.heal();
    clock.advance(seconds(1));
    let answer = ask_for(&writer, lookup(), &model).await?;
    assert_miss!(answer, Reason::Invalidated(program.clone()));
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(writer.pending_invalidations(), 0);
    Ok(())
}
