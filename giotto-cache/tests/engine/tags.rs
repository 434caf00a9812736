//! Tags: which names are tags, what invalidates by them, and what it costs.

use giotto_cache::testing::{assert_hit, assert_miss};
use giotto_cache::{CacheControl, ErrorKind, KeyValue, Lookup, Reason, Result, Scope, Status};

use crate::model::{Model, Says, page};
use crate::until::until;
use crate::world::{MINUTE, ask_for, callers, key, ms, processes, spied, worlds};

fn tagged(name: &str) -> Lookup {
    Lookup::new(key(name), MINUTE).tags(vec!["user:7".to_owned(), "all users".to_owned()])
}

fn invalidated(tag: &str) -> Reason {
    Reason::Invalidated(Scope::Tag(tag.to_owned()))
}

#[tokio::test]
async fn ten_thousand_entries_are_invalidated_by_one_small_write() -> Result<()> {
    let ([one, two], [spy, _], _) = spied();
    let model = Model::default();
    for number in 0..10_000 {
        ask_for(&one, tagged(&number.to_string()), &model).await?;
    }
    for number in [0, 9_999] {
        assert_hit!(ask_for(&two, tagged(&number.to_string()), &model).await?);
    }
    spy.calls();
    one.invalidate("user:7").await?;
    let record = "{tag:user:7}".to_owned();
    assert_eq!(
        spy.calls(),
        [
            ("get", record.clone()),
            ("replace", record),
            ("get_many", "{tag:user:*} {tag:*}".to_owned())
        ],
        "one small write"
    );
    // The other process sees it with its next lookup.
    for number in 0..10_000 {
        let answer = ask_for(&two, tagged(&number.to_string()), &model).await?;
        assert_miss!(answer, invalidated("user:7"));
    }
    Ok(())
}

#[tokio::test]
async fn other_tags_and_prefixes_of_a_name_are_left_alone() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        ask_for(cache, tagged("page"), &model).await?;
        for other in ["user:", "user:77", "USER:7", "user:7 ", "all"] {
            cache.invalidate(other).await?;
            assert_hit!(ask_for(cache, tagged("page"), &model).await?);
        }
        for program in ["prog", "program2", ""] {
            cache.invalidate(Scope::Program(program.to_owned())).await?;
            assert_hit!(ask_for(cache, tagged("page"), &model).await?);
        }
        cache.invalidate("all users").await?;
        assert_miss!(
            ask_for(cache, tagged("page"), &model).await?,
            invalidated("all users")
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_tag_whose_record_the_store_has_lost_is_a_miss() -> Result<()> {
    let ([cache], [chaos], _) = processes();
    let model = Model::default();
    ask_for(&cache, tagged("page"), &model).await?;
    assert_hit!(ask_for(&cache, tagged("page"), &model).await?);
    assert!(chaos.delete("{tag:user:7}").await?);
    let answer = ask_for(&cache, tagged("page"), &model).await?;
    assert_miss!(answer, Reason::TagLost("user:7".to_owned()));
    assert_eq!(
        (cache.counts().tag_lost, cache.counts().invalidated),
        (1, 0)
    );
    assert_hit!(ask_for(&cache, tagged("page"), &model).await?);
    Ok(())
}

#[tokio::test]
async fn a_tag_that_the_model_names_counts_like_one_known_before() -> Result<()> {
    let by_model = |control: &CacheControl| control.tags(["found:1"]);
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::saying(Says::Wants(by_model)));
        for names in [vec![], vec!["user:7".to_owned()]] {
            cache.remove(&key("page")).await?;
            let lookup = || Lookup::new(key("page"), MINUTE).tags(names.clone());
            assert_eq!(
                ask_for(cache, lookup(), &model).await?.status,
                Status::Stored
            );
            assert_hit!(ask_for(cache, lookup(), &model).await?);
            // Not in the millisecond in which it is invalidated: then nobody could tell which came first.
            world.clock.advance(ms(1));
            cache.invalidate("found:1").await?;
            world.clock.advance(ms(1));
            let answer = ask_for(cache, lookup(), &model).await?;
            assert_miss!(answer, invalidated("found:1"));
            assert_hit!(ask_for(cache, lookup(), &model).await?);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_tag_that_the_model_names_and_that_is_invalidated_meanwhile_makes_the_page_old()
-> Result<()> {
    let by_model = |control: &CacheControl| control.tags(["found:1"]);
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::saying(Says::Wants(by_model)));
        model.hold();
        let first = callers(cache, 3, MINUTE, &model);
        until(async || model.runs() == 1).await;
        world.clock.advance(ms(1));
        cache.invalidate("found:1").await?;
        let later = callers(cache, 2, MINUTE, &model);
        until(async || cache.counts().collapsed == 4).await;
        world.clock.advance(ms(1));
        model.release();
        for (answers, run) in [(first, 1), (later, 2)] {
            for answer in answers.join_all().await {
                assert_eq!(page(&answer?), run, "a new one for those who came later");
            }
        }
        cache.settle().await;
        let answer = world.ask(&MINUTE, &model).await?;
        assert_hit!(answer);
        assert_eq!(page(&answer), 2);
    }
    Ok(())
}

#[tokio::test]
async fn a_name_that_cannot_be_a_tag_is_refused_and_a_result_with_it_not_stored() -> Result<()> {
    let (longest, longer) = ("x".repeat(200), "x".repeat(201));
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        for (tag, may_be) in [
            (longest.as_str(), true),
            ("ünïcode 🐘 (a) {b}", true),
            (longer.as_str(), false),
            ("", false),
            ("a\nb", false),
        ] {
            cache.remove(&key("page")).await?;
            let lookup = Lookup::new(key("page"), MINUTE).tags(vec![tag.to_owned()]);
            let answer = ask_for(cache, lookup, &model).await?;
            let expected = match may_be {
                true => Status::Stored,
                false => Status::NotStored,
            };
            assert_eq!(answer.status, expected, "{tag:?}");
            match cache.invalidate(tag).await {
                Ok(()) => assert!(may_be, "{tag:?}"),
                Err(error) => {
                    assert!(!may_be, "{tag:?}");
                    assert_eq!(error.kind(), ErrorKind::Configuration);
                }
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_page_from_before_its_program_had_a_tag_is_old_once_it_has_one() -> Result<()> {
    for world in worlds() {
        let (cache, model) = (&world.cache, Model::default());
        let lookup = || Lookup::new(key("page"), MINUTE);
        ask_for(cache, lookup(), &model).await?;
        cache.settle().await;
        assert_hit!(ask_for(cache, lookup(), &model).await?);
        let tagged = || lookup().tags(vec!["new".to_owned()]);
        let answer = ask_for(cache, tagged(), &model).await?;
        assert_miss!(answer, invalidated("new"));
        cache.settle().await;
        assert_hit!(ask_for(cache, tagged(), &model).await?);
    }
    Ok(())
}
