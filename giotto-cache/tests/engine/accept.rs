//! What a caller accepts beyond the policy: less of what is fresh, or more of what is stale.

use giotto_cache::testing::{assert_hit, assert_miss, assert_stale};
use giotto_cache::{
    Acceptance, Cache, ErrorKind, Lookup, Mode, Policy, Reason, Result, Staleness, Status, Stored,
};

use crate::model::{Model, Says, metadata, page};
use crate::until::until;
use crate::world::{MINUTE, World, ask_for, callers, kept, key, seconds, stale, worlds};

fn lookup(policy: Policy, acceptance: Acceptance) -> Lookup {
    Lookup::new(key("page"), policy).accept(move |_| acceptance)
}

/// A request with `max-age`.
fn not_older(policy: Policy, limit: u64) -> Lookup {
    let accept = move |stored: &Stored| match stored.age() > seconds(limit) {
        true => Acceptance::Recompute,
        false => Acceptance::AsStored,
    };
    Lookup::new(key("page"), policy).accept(accept)
}

#[tokio::test]
async fn what_is_too_old_for_one_caller_is_computed_and_is_then_there_for_all() -> Result<()> {
    for World { cache, clock } in worlds() {
        let model = Model::default();
        ask_for(&cache, not_older(MINUTE, 10), &model).await?;
        clock.advance(seconds(10));
        assert_hit!(ask_for(&cache, not_older(MINUTE, 10), &model).await?);
        clock.advance(seconds(1));
        let other = ask_for(&cache, Lookup::new(key("page"), MINUTE), &model).await?;
        assert_hit!(other);
        let only = ask_for(&cache, not_older(MINUTE, 10).mode(Mode::Only), &model).await;
        assert_eq!(only.unwrap_err().kind(), ErrorKind::NotCached);
        let answer = ask_for(&cache, not_older(MINUTE, 10), &model).await?;
        assert_miss!(answer, Reason::Refresh);
        assert_eq!((answer.status, page(&answer)), (Status::Stored, 2));
        let other = ask_for(&cache, Lookup::new(key("page"), MINUTE), &model).await?;
        assert_hit!(other);
        assert_eq!(page(&other), 2);
        assert_eq!(cache.counts().bypassed, 2);
    }
    Ok(())
}

/// A caller that waits takes the result of another only if it would take it from the store.
#[tokio::test]
async fn the_result_of_another_caller_is_judged_as_well() -> Result<()> {
    for World { cache, .. } in worlds() {
        let model = Model::held();
        let mut leader = callers(&cache, 1, MINUTE, &model);
        until(async || model.runs() == 1).await;
        let mut waiting = tokio::task::JoinSet::new();
        for lookup in [
            lookup(MINUTE, Acceptance::AsStored),
            not_older(MINUTE, 10),
            lookup(MINUTE, Acceptance::Recompute),
            lookup(MINUTE, Acceptance::Recompute),
        ] {
            let (cache, model) = (cache.clone(), model.clone());
            waiting.spawn(async move { ask_for(&cache, lookup, &model).await });
        }
        until(async || cache.counts().collapsed == 4).await;
        model.release();
        assert_eq!(page(&leader.join_next().await.unwrap().unwrap()?), 1);
        let mut pages = Vec::new();
        for answer in waiting.join_all().await {
            pages.push(page(&answer?));
        }
        pages.sort_unstable();
        assert_eq!(pages, [1, 1, 2, 3], "two want no result but their own");
        cache.settle().await;
        let hit = ask_for(&cache, Lookup::new(key("page"), MINUTE), &model).await?;
        assert_hit!(hit);
        assert_eq!(page(&hit), 1, "theirs are not stored");
    }
    Ok(())
}

#[tokio::test]
async fn a_caller_that_wants_a_new_result_gets_the_old_one_only_as_the_policy_allows() -> Result<()>
{
    for World { cache, .. } in worlds() {
        for (policy, is_served) in [(MINUTE.keep(600), false), (stale(), false), (kept(), true)] {
            cache.clear().await?;
            let model = Model::default();
            let recompute = || lookup(policy, Acceptance::Recompute);
            ask_for(&cache, Lookup::new(key("page"), policy), &model).await?;
            model.says(Says::Fails);
            let answer = ask_for(&cache, recompute(), &model).await;
            assert_eq!(model.runs(), 2);
            match is_served {
                true => assert_stale!(answer?, Staleness::Failed),
                false => assert_eq!(answer.unwrap_err().kind(), ErrorKind::Compute),
            }
            let hit = ask_for(&cache, Lookup::new(key("page"), policy), &model).await?;
            assert_hit!(hit);
        }
    }
    Ok(())
}

/// `max-stale`: nothing is computed, for as long as the entry is kept.
#[tokio::test]
async fn a_caller_takes_what_is_stale_and_nothing_is_computed() -> Result<()> {
    for World { cache, clock } in worlds() {
        let policy = MINUTE.stale_while_revalidate(60).keep(600);
        let model = Model::saying(Says::Described);
        let accepting = || {
            Lookup::new(key("page"), policy).accept(|stored: &Stored| {
                assert_eq!(stored.metadata(), Some(&metadata()));
                match stored.stale_for() > seconds(300) {
                    true => Acceptance::AsStored,
                    false => Acceptance::Stale,
                }
            })
        };
        ask_for(&cache, accepting(), &model).await?;
        assert_hit!(ask_for(&cache, accepting(), &model).await?);
        clock.advance(seconds(120));
        for mode in [Mode::Prefer, Mode::Only] {
            let answer = ask_for(&cache, accepting().mode(mode), &model).await?;
            assert_stale!(answer, Staleness::Accepted);
            assert_eq!(answer.reason, Some(Reason::Expired));
        }
        let counts = cache.counts();
        assert_eq!((model.runs(), counts.refreshes), (1, 0));
        assert_eq!((counts.stale, counts.stale_accepted), (2, 2));
        // The policy wants a new one while it serves it itself.
        let lookup = Lookup::new(key("page"), policy.stale_while_revalidate(500));
        let explained = cache.explain(&lookup.accept(|_| Acceptance::Stale)).await;
        assert_eq!(
            explained.next,
            Ok(Status::Stale(Staleness::Accepted)),
            "it was stored under another policy"
        );
        clock.advance(seconds(241));
        let answer = ask_for(&cache, accepting(), &model).await?;
        assert_miss!(answer, Reason::Expired);
        assert_eq!(model.runs(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn a_stale_answer_of_the_policy_is_refreshed_whatever_the_caller_accepts() -> Result<()> {
    for World { cache, clock } in worlds() {
        let model = Model::default();
        ask_for(&cache, lookup(stale(), Acceptance::Stale), &model).await?;
        clock.advance(seconds(60));
        let answer = ask_for(&cache, lookup(stale(), Acceptance::Stale), &model).await?;
        assert_stale!(answer, Staleness::Revalidating);
        assert_eq!(model.runs(), 2);
    }
    Ok(())
}

/// What `explain` says of each is what the lookup gets.
#[tokio::test]
async fn explain_tells_what_a_caller_gets_that_accepts_less_or_more() -> Result<()> {
    use Acceptance::{AsStored, Recompute, Stale};
    let policies = [
        MINUTE,
        MINUTE.keep(600),
        stale().keep(600),
        kept().keep(600),
    ];
    for policy in policies {
        for age in [0, 59, 60, 359, 360, 661, 1_300] {
            for acceptance in [AsStored, Recompute, Stale] {
                for World { cache, clock } in worlds() {
                    let model = Model::default();
                    ask_for(&cache, Lookup::new(key("page"), policy), &model).await?;
                    clock.advance(seconds(age));
                    explain_one(&cache, policy, acceptance, &model).await?;
                }
            }
        }
    }
    Ok(())
}

async fn explain_one(
    cache: &Cache,
    policy: Policy,
    acceptance: Acceptance,
    model: &Model,
) -> Result<()> {
    let explained = cache.explain(&lookup(policy, acceptance)).await;
    let refreshes = cache.counts().refreshes;
    let answer = ask_for(cache, lookup(policy, acceptance), model).await?;
    let what = format!("{policy:?} {acceptance:?}");
    assert_eq!(explained.next, Ok(answer.status), "{what}");
    assert_eq!(explained.reason, answer.reason, "{what}");
    let is_refreshed = cache.counts().refreshes > refreshes;
    assert_eq!(explained.refreshes, is_refreshed, "{what}");
    Ok(())
}
