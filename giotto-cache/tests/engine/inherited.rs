//! What a page inherits from the results that it is made of: tags, programs, lives, and that it must not be stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use giotto_cache::testing::{assert_hit, assert_miss, assert_stale};
use giotto_cache::{
    Answer, Budget, Cache, CacheControl, Computed, Computing, Error, Explanation, Key,
    LocMemKeyValue, Lookup, Mode, NotStored, Policy, Reason, Result, Scope, Status, independent,
};

use crate::model::{Model, Says};
use crate::until::until;
use crate::world::{MINUTE, World, kept, ms, processes, seconds, spied, stale, worlds};

const HOUR: Policy = Policy::seconds(3_600);

/// A result that pages are made of.
#[derive(Clone)]
struct Part {
    program: &'static str,
    name: String,
    policy: Policy,
    tags: Vec<String>,
    mode: Mode,
    is_independent: bool,
    model: Model,
}

fn part(program: &'static str, name: &str, tags: &[&str]) -> Part {
    Part {
        program,
        name: name.to_owned(),
        policy: HOUR,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        mode: Mode::Prefer,
        is_independent: false,
        model: Model::default(),
    }
}

impl Part {
    fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    fn saying(self, says: Says) -> Self {
        let model = Model::saying(says);
        Self { model, ..self }
    }

    fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    fn independent(self) -> Self {
        let is_independent = true;
        Self {
            is_independent,
            ..self
        }
    }

    fn key(&self) -> Key {
        Key::new(self.program, &self.name, "text/plain")
    }

    async fn ask(&self, cache: &Cache) -> Result<Answer> {
        let lookup = Lookup::new(self.key(), self.policy).tags(self.tags.clone());
        let lookup = lookup.mode(self.mode);
        let lookup = match self.is_independent {
            true => lookup.independent(),
            false => lookup,
        };
        let compute = |control| self.model.clone().run(control);
        cache.answer(lookup, compute).await
    }
}

/// A page that shows its parts, one after the other. An error of a part is shown as `-`.
#[derive(Clone)]
struct Page {
    name: &'static str,
    policy: Policy,
    parts: Vec<Part>,
    runs: Arc<AtomicUsize>,
}

fn page_of(parts: &[Part]) -> Page {
    Page {
        name: "page",
        policy: HOUR,
        parts: parts.to_vec(),
        runs: Arc::default(),
    }
}

impl Page {
    fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    fn lookup(&self) -> Lookup {
        Lookup::new(Key::new("page", self.name, "text/html"), self.policy)
    }

    async fn compute(self, cache: Cache) -> Result<Computed> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        let mut shown = Vec::new();
        for part in &self.parts {
            let body = part.ask(&cache).await.map(|answer| answer.entry.body());
            shown.push(body.unwrap_or(Bytes::from_static(b"-")));
        }
        Ok(Computed::Page(shown.join(&b' ').into()))
    }

    /// Asks inside the computation of another page.
    async fn inside(&self, cache: &Cache) -> Result<Answer> {
        let compute = |_| self.clone().compute(cache.clone());
        cache.answer(self.lookup(), compute).await
    }

    /// Asks, and has whatever goes on behind the scenes end.
    async fn ask(&self, cache: &Cache) -> Result<Answer> {
        let answer = self.inside(cache).await;
        cache.settle().await;
        answer
    }

    async fn explain(&self, cache: &Cache) -> Explanation {
        cache.explain(&self.lookup()).await
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

fn of_tag(tag: &str) -> Reason {
    Reason::Invalidated(Scope::Tag(tag.to_owned()))
}

fn program(name: &str) -> Scope {
    Scope::Program(name.to_owned())
}

#[tokio::test]
async fn a_page_of_three_results_is_old_by_any_tag_of_theirs() -> Result<()> {
    for World { cache, .. } in &worlds() {
        let page = page_of(&[
            part("user", "7", &["user:7", "all users"]),
            part("price", "3", &["price:3"]),
            part("nav", "", &[]),
        ]);
        assert_eq!(
            page.ask(cache).await?.entry.tags(),
            ["all users", "price:3", "user:7"]
        );
        for tag in ["user:7", "price:3", "all users"] {
            assert_hit!(page.ask(cache).await?);
            cache.invalidate(tag).await?;
            // All parts but one are hits, which count the same.
            assert_miss!(page.ask(cache).await?, of_tag(tag));
        }
        cache.invalidate("user:8").await?;
        assert_hit!(page.ask(cache).await?);
        cache.purge("price:3").await?;
        assert_miss!(page.ask(cache).await?, of_tag("price:3"));
        assert_eq!(page.ask(cache).await?.entry.body(), "3 3 1");
    }
    Ok(())
}

#[tokio::test]
async fn a_page_is_old_by_the_programs_of_its_results() -> Result<()> {
    for World { cache, clock } in &worlds() {
        let page = page_of(&[part("user", "7", &["user:7"]), part("nav", "", &[])]);
        page.ask(cache).await?;
        for name in ["nav", "user"] {
            assert_hit!(page.ask(cache).await?);
            cache.invalidate(program(name)).await?;
            clock.advance(cache.settles_within(&Scope::All));
            let answer = page.ask(cache).await?;
            assert_miss!(answer, Reason::Invalidated(program(name)));
        }
        cache.invalidate(program("other")).await?;
        clock.advance(cache.settles_within(&Scope::All));
        assert_hit!(page.ask(cache).await?);
    }
    Ok(())
}

#[tokio::test]
async fn another_process_sees_it_as_well() -> Result<()> {
    let ([one, two], _, clock) = processes();
    let page = page_of(&[part("user", "7", &["user:7"]), part("nav", "", &[])]);
    page.ask(&one).await?;
    assert_hit!(page.ask(&two).await?);
    one.invalidate("user:7").await?;
    assert_miss!(page.ask(&two).await?, of_tag("user:7"));
    assert_hit!(page.ask(&one).await?);
    one.invalidate(program("nav")).await?;
    clock.advance(one.settles_within(&program("nav")));
    let answer = page.ask(&two).await?;
    assert_miss!(answer, Reason::Invalidated(program("nav")));
    Ok(())
}

#[tokio::test]
async fn a_page_is_fresh_no_longer_than_its_shortest_result() -> Result<()> {
    for World { cache, clock } in &worlds() {
        let short = part("short", "", &[]).policy(Policy::seconds(10));
        let page = page_of(&[part("long", "", &[]), short.clone()]);
        short.ask(cache).await?;
        clock.advance(seconds(4));
        assert_eq!(page.ask(cache).await?.fresh_for, Some(seconds(6)));
        clock.advance(ms(5_999));
        assert_hit!(page.ask(cache).await?);
        clock.advance(ms(1));
        assert_miss!(page.ask(cache).await?, Reason::Expired);
        assert_eq!(page.ask(cache).await?.fresh_for, Some(seconds(10)));
        let alone = Page {
            name: "alone",
            ..page_of(&[short.independent()])
        };
        assert_eq!(alone.ask(cache).await?.fresh_for, Some(seconds(3_600)));
    }
    Ok(())
}

/// The window of the page is longer than that of its result, which may not be shown after it.
#[tokio::test]
async fn a_page_is_served_old_no_longer_than_its_results() -> Result<()> {
    for World { cache, clock } in &worlds() {
        let part = part("part", "", &[]).policy(MINUTE.stale_while_revalidate(5));
        let page = page_of(&[part]).policy(stale().stale_if_error(86_400));
        page.ask(cache).await?;
        clock.advance(seconds(64));
        assert_stale!(page.ask(cache).await?);
        clock.advance(seconds(86_400));
        assert_miss!(page.ask(cache).await?, Reason::Expired);
    }
    Ok(())
}

#[tokio::test]
async fn what_is_made_of_an_old_result_is_old() -> Result<()> {
    for World { cache, clock } in &worlds() {
        let part = part("part", "", &["tag"]).policy(stale());
        let page = page_of(std::slice::from_ref(&part)).policy(stale());
        part.ask(cache).await?;
        cache.settle().await;
        part.model.hold();
        clock.advance(ms(1));
        cache.invalidate("tag").await?;
        let first = page.inside(cache).await?;
        assert_eq!(
            (first.entry.body(), first.fresh_for),
            ("1".into(), Some(seconds(0)))
        );
        part.model.release();
        cache.settle().await;
        let old = page.ask(cache).await?;
        assert_stale!(old);
        assert_eq!(old.entry.body(), "1");
        assert_hit!(page.ask(cache).await?);
        assert_eq!(page.ask(cache).await?.entry.body(), "2");
    }
    Ok(())
}

#[tokio::test]
async fn what_is_made_of_a_result_that_must_not_be_stored_is_not_stored_or_shared() -> Result<()> {
    for World { cache, .. } in &worlds() {
        let own = part("own", "", &[]).saying(Says::Wants(CacheControl::no_store));
        let page = page_of(&[part("other", "", &[]), own.clone()]);
        for run in 1..3 {
            let answer = page.ask(cache).await?;
            assert_eq!(answer.status, Status::NotStored);
            assert_eq!(answer.entry.body(), format!("1 {run}"));
        }
        let outer = Page {
            name: "independent",
            ..page_of(&[own.independent()])
        };
        assert_eq!(outer.ask(cache).await?.status, Status::Stored);
        assert_hit!(outer.ask(cache).await?);
    }
    Ok(())
}

#[tokio::test]
async fn two_callers_of_such_a_page_get_one_each() -> Result<()> {
    for World { cache, .. } in &worlds() {
        let own = part("own", "", &[]).saying(Says::Wants(CacheControl::no_store));
        let page = page_of(std::slice::from_ref(&own));
        own.model.hold();
        let ask = || {
            let (page, cache) = (page.clone(), cache.clone());
            tokio::spawn(async move { page.ask(&cache).await })
        };
        let callers = [ask(), ask(), ask()];
        until(async || cache.counts().collapsed == 2).await;
        own.model.release();
        let mut bodies = Vec::new();
        for caller in callers {
            bodies.push(caller.await.unwrap()?.entry.body());
        }
        bodies.sort();
        assert_eq!(bodies, ["1", "2", "3"]);
    }
    Ok(())
}

#[tokio::test]
async fn what_shows_an_error_in_place_of_a_result_is_not_stored() -> Result<()> {
    for World { cache, .. } in &worlds() {
        for says in [Says::Fails, Says::Refused, Says::Panics, Says::NotFound] {
            cache.invalidate(Scope::All).await?;
            let failing = part("failing", "", &[]).saying(says);
            let page = page_of(std::slice::from_ref(&failing));
            assert_eq!(page.ask(cache).await?.status, Status::NotStored);
            failing.model.says(Says::Page);
            assert_eq!(page.ask(cache).await?.status, Status::Stored);
            assert_hit!(page.ask(cache).await?);
        }
        let negative = part("negative", "", &["tag"]).saying(Says::NotFound);
        let page = Page {
            name: "negative",
            ..page_of(&[negative.policy(HOUR.negative(5))])
        };
        assert_eq!(page.ask(cache).await?.fresh_for, Some(seconds(5)));
        cache.invalidate("tag").await?;
        assert_miss!(page.ask(cache).await?, of_tag("tag"));
    }
    Ok(())
}

#[tokio::test]
async fn a_result_that_the_store_was_not_asked_for_gives_its_tags_as_well() -> Result<()> {
    for World { cache, .. } in &worlds() {
        cache.set_budget("full", Budget::new().max_entries(1))?;
        part("full", "first", &[]).ask(cache).await?;
        cache.settle().await;
        for part in [
            part("bypass", "", &["tag"]).mode(Mode::Bypass),
            part("refresh", "", &["tag"]).mode(Mode::Refresh),
            part("full", "second", &["tag"]),
        ] {
            let page = page_of(&[part]);
            cache.purge(Scope::All).await?;
            assert_eq!(page.ask(cache).await?.status, Status::Stored);
            assert_hit!(page.ask(cache).await?);
            cache.invalidate("tag").await?;
            assert_miss!(page.ask(cache).await?, of_tag("tag"));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_result_that_another_caller_has_computed_counts_the_same() -> Result<()> {
    for World { cache, .. } in &worlds() {
        let part = part("part", "", &["tag"]).policy(Policy::seconds(10));
        let page = page_of(std::slice::from_ref(&part));
        part.model.hold();
        let first = tokio::spawn({
            let (part, cache) = (part.clone(), cache.clone());
            async move { part.ask(&cache).await }
        });
        until(async || part.model.runs() == 1).await;
        let second = tokio::spawn({
            let (page, cache) = (page.clone(), cache.clone());
            async move { page.ask(&cache).await }
        });
        until(async || cache.counts().collapsed == 1).await;
        part.model.release();
        first.await.unwrap()?;
        let answer = second.await.unwrap()?;
        assert_eq!(answer.fresh_for, Some(seconds(10)));
        cache.invalidate("tag").await?;
        assert_miss!(page.ask(cache).await?, of_tag("tag"));
    }
    Ok(())
}

#[tokio::test]
async fn a_result_that_is_not_stored_passes_on_what_it_is_made_of_to_who_has_waited_for_it()
-> Result<()> {
    for World { cache, .. } in &worlds() {
        cache.set_budget("page", Budget::new().max_entries(1))?;
        page_of(&[]).ask(cache).await?;
        let part = part("part", "", &["tag"]);
        let over_budget = Page {
            name: "second",
            ..page_of(std::slice::from_ref(&part))
        };
        part.model.hold();
        let first = tokio::spawn({
            let (page, cache) = (over_budget.clone(), cache.clone());
            async move { page.ask(&cache).await }
        });
        until(async || part.model.runs() == 1).await;
        let outer = move |cache: Cache| {
            let page = over_budget.clone();
            async move { page.inside(&cache).await.map(drop) }
        };
        let second = tokio::spawn({
            let (outer, cache) = (outer.clone(), cache.clone());
            async move { ask_made(&cache, "outer", outer).await }
        });
        until(async || cache.counts().collapsed == 1).await;
        part.model.release();
        assert_eq!(
            first.await.unwrap()?.not_stored,
            Some(NotStored::OverBudget)
        );
        second.await.unwrap()?;
        cache.invalidate("tag").await?;
        let answer = ask_made(cache, "outer", outer).await?;
        assert_ne!(answer.status, Status::Hit, "{answer:?}");
    }
    Ok(())
}

/// Asks for a page that `work` makes inside its computation.
async fn ask_made<F>(cache: &Cache, name: &str, work: impl FnOnce(Cache) -> F) -> Result<Answer>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let work = work(cache.clone());
    let compute = |_| async move {
        work.await?;
        Ok::<_, Error>(Computed::Page("page".into()))
    };
    let answer = cache.answer(made(name), compute).await;
    cache.settle().await;
    answer
}

fn made(name: &str) -> Lookup {
    Lookup::new(Key::new("made", name, "text/html"), HOUR)
}

#[tokio::test]
async fn the_chain_is_explained() -> Result<()> {
    for World { cache, .. } in &worlds() {
        let middle = page_of(&[part("leaf", "1", &["leaf:1"]).policy(MINUTE)]);
        let other = part("other", "", &["nav"]);
        let answer = ask_made(cache, "", |cache| async move {
            middle.inside(&cache).await?;
            other.ask(&cache).await.map(drop)
        });
        assert_eq!(answer.await?.entry.tags(), ["leaf:1", "nav"]);
        let explained = async || cache.explain(&made("")).await.entry.unwrap();
        let entry = explained().await;
        let chain = entry.made_of.iter().map(|link| {
            let tags = link.tags.join(" ");
            (link.depth, link.key.as_str(), tags, link.limits_life)
        });
        let expected = [
            (1, "page(page)(text/html)", "leaf:1".to_owned(), true),
            (2, "1(leaf)(text/plain)", "leaf:1".to_owned(), false),
            (1, "(other)(text/plain)", "nav".to_owned(), false),
        ];
        assert_eq!(chain.collect::<Vec<_>>(), expected);
        let valid = |name: &str| (name.to_owned(), "valid");
        assert_eq!(
            entry.programs,
            [valid("leaf"), valid("other"), valid("page")]
        );
        assert_eq!(entry.made_of_others, 0);
        cache.invalidate(program("leaf")).await?;
        cache.purge("leaf:1").await?;
        let entry = explained().await;
        assert_eq!(entry.programs[0].1, "invalidated");
        assert_eq!(entry.tags, [("leaf:1".to_owned(), "purged"), valid("nav")]);
    }
    Ok(())
}

#[tokio::test]
async fn of_many_results_the_first_and_the_one_that_limits_the_page_are_explained() -> Result<()> {
    for World { cache, .. } in &worlds() {
        let mut parts: Vec<_> = (0..40)
            .map(|number| part("part", &number.to_string(), &[]))
            .collect();
        parts[33] = part("part", "short", &[]).policy(MINUTE);
        let page = page_of(&parts);
        page.ask(cache).await?;
        let entry = page.explain(cache).await.entry.unwrap();
        assert_eq!((entry.made_of.len(), entry.made_of_others), (16, 24));
        let limiting: Vec<_> = entry
            .made_of
            .iter()
            .filter(|link| link.limits_life)
            .collect();
        assert_eq!(limiting.len(), 1);
        assert_eq!(limiting[0].key, "short(part)(text/plain)");
    }
    Ok(())
}

/// A page of two hundred results, each with a tag of its own.
fn many() -> Page {
    let user = |number| part("user", &format!("{number}"), &[&format!("user:{number}")]);
    let mut parts: Vec<_> = (0..200).map(user).collect();
    parts.push(part("nav", "", &["nav"]));
    page_of(&parts)
}

#[tokio::test]
async fn more_than_64_tags_become_a_coarse_one() -> Result<()> {
    crate::log::listen();
    for World { cache, .. } in &worlds() {
        let page = many();
        assert_eq!(page.ask(cache).await?.entry.tags(), ["nav", "user:*"]);
        for tag in ["user:0", "user:199", "user:1000", "nav", "user:*"] {
            assert_hit!(page.ask(cache).await?);
            cache.invalidate(tag).await?;
            let coarse = if tag == "nav" { "nav" } else { "user:*" };
            assert_miss!(page.ask(cache).await?, of_tag(coarse));
        }
        for other in ["user", "book:7", "user:7:name", "*"] {
            cache.invalidate(other).await?;
            assert_hit!(page.ask(cache).await?);
        }
        let link = page.explain(cache).await.entry.unwrap().made_of.remove(0);
        assert_eq!(link.tags, ["user:*"]);
        cache.purge("user:3").await?;
        assert_miss!(page.ask(cache).await?, of_tag("user:*"));
    }
    assert!(!crate::log::told("coarse").is_empty());
    Ok(())
}

#[tokio::test]
async fn tags_without_a_group_become_the_coarsest_one() -> Result<()> {
    for World { cache, .. } in &worlds() {
        let tagged = |number| part("part", &format!("{number}"), &[&format!("tag{number}")]);
        let page = page_of(&(0..70).map(tagged).collect::<Vec<_>>());
        assert_eq!(page.ask(cache).await?.entry.tags(), ["*"]);
        for tag in ["tag7", "any"] {
            assert_hit!(page.ask(cache).await?);
            cache.invalidate(tag).await?;
            assert_miss!(page.ask(cache).await?, of_tag("*"));
        }
    }
    Ok(())
}

/// Where no page has a coarse tag, an invalidation costs a read more and no write.
#[tokio::test]
async fn a_coarse_tag_costs_what_it_is_used_for() -> Result<()> {
    let ([one, two], [spy, _], _) = spied();
    part("user", "7", &["user:7"]).ask(&one).await?;
    one.settle().await;
    let writes = || {
        let calls = spy.calls();
        calls
            .iter()
            .filter(|(call, _)| *call != "get" && *call != "get_many")
            .count()
    };
    writes();
    one.invalidate("user:7").await?;
    assert_eq!(writes(), 1);
    let page = many();
    page.ask(&two).await?;
    writes();
    one.invalidate("user:7").await?;
    assert_eq!(writes(), 2);
    assert_miss!(page.ask(&two).await?, of_tag("user:*"));
    Ok(())
}

#[tokio::test]
async fn a_task_of_its_own_gives_nothing_unless_it_is_told_for_whom_it_works() -> Result<()> {
    for World { cache, .. } in &worlds() {
        let user = part("user", "7", &["user:7"]);
        let part = user.clone();
        let spawned = ask_made(cache, "spawned", |cache| async move {
            let task = tokio::spawn(async move { part.ask(&cache).await });
            task.await.unwrap().map(drop)
        });
        assert!(spawned.await?.entry.tags().is_empty());
        let part = user.clone();
        let told = ask_made(cache, "told", |cache| async move {
            let work = async move { part.ask(&cache).await };
            let task = tokio::spawn(Computing::current().scope(work));
            task.await.unwrap().map(drop)
        });
        assert_eq!(told.await?.entry.tags(), ["user:7"]);
        let part = user.clone();
        let blocking = ask_made(cache, "blocking", |cache| async move {
            let (computing, runtime) = (Computing::current(), tokio::runtime::Handle::current());
            let work = move || computing.sync_scope(|| runtime.block_on(part.ask(&cache)));
            tokio::task::spawn_blocking(work).await.unwrap().map(drop)
        });
        assert_eq!(blocking.await?.entry.tags(), ["user:7"]);
        let part = user.clone();
        let alone = ask_made(cache, "independent", |cache| async move {
            independent(async { part.ask(&cache).await.map(drop) }).await
        });
        assert!(alone.await?.entry.tags().is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn another_cache_gives_nothing_and_may_have_the_same_key() -> Result<()> {
    let other = Cache::new(LocMemKeyValue::new());
    for World { cache, .. } in &worlds() {
        let twin = Part {
            program: "made",
            ..part("made", "twin", &["other:1"])
        };
        let lookup = Lookup::new(Key::new("made", "twin", "text/html"), MINUTE);
        let inside = other.clone();
        let answer = ask_made(cache, "twin", |_| async move {
            let compute = |control| twin.model.clone().run(control);
            let lookup = lookup.tags(twin.tags.clone());
            let answer = inside.answer(lookup, compute).await?;
            assert_ne!(answer.status, Status::NotStored);
            Ok(())
        });
        let answer = answer.await?;
        assert!(answer.entry.tags().is_empty());
        assert_eq!(answer.fresh_for, Some(seconds(3_600)));
    }
    Ok(())
}

#[tokio::test]
async fn an_old_page_that_is_still_valid_keeps_what_it_has_inherited() -> Result<()> {
    for World { cache, clock } in &worlds() {
        let part = part("part", "", &["tag"]);
        let lookup = || Lookup::new(Key::new("page", "", "text/html"), kept());
        let ask = async || {
            let (part, inside) = (part.clone(), cache.clone());
            let compute = |control: CacheControl| async move {
                if control.old_value().is_some() {
                    return Ok::<_, Error>(Computed::NotModified);
                }
                part.ask(&inside).await?;
                Ok(Computed::Page("page".into()))
            };
            let answer = cache.answer(lookup(), compute).await;
            cache.settle().await;
            answer
        };
        ask().await?;
        clock.advance(seconds(60));
        assert_miss!(ask().await?, Reason::Expired);
        assert_hit!(ask().await?);
        cache.invalidate(program("part")).await?;
        clock.advance(cache.settles_within(&Scope::All));
        assert_miss!(ask().await?, Reason::Invalidated(program("part")));
        assert_hit!(ask().await?);
        cache.invalidate("tag").await?;
        assert_miss!(ask().await?, of_tag("tag"));
        assert_hit!(ask().await?);
        let entry = cache.explain(&lookup()).await.entry.unwrap();
        assert_eq!(entry.made_of[0].key, "(part)(text/plain)");
    }
    Ok(())
}

/// A caller comes after an invalidation and before the page is ready that does not know of it.
#[tokio::test]
async fn a_caller_that_joins_after_an_invalidation_is_not_given_the_old_page() -> Result<()> {
    for World { cache, .. } in &worlds() {
        for scope in [Scope::Tag("tag".to_owned()), program("first")] {
            cache.purge(Scope::All).await?;
            let last = part("last", "", &[]);
            let page = page_of(&[part("first", "", &["tag"]), last.clone()]);
            last.model.hold();
            let ask = || {
                let (page, cache) = (page.clone(), cache.clone());
                tokio::spawn(async move { page.inside(&cache).await })
            };
            let collapsed = cache.counts().collapsed;
            let first = ask();
            until(async || last.model.runs() == 1).await;
            cache.invalidate(scope).await?;
            let second = ask();
            until(async || cache.counts().collapsed == collapsed + 1).await;
            last.model.release();
            assert_eq!(first.await.unwrap()?.entry.body(), "1 1");
            assert_eq!(second.await.unwrap()?.entry.body(), "2 1");
            assert_eq!(page.runs(), 2);
            cache.settle().await;
            assert_hit!(page.ask(cache).await?);
        }
    }
    Ok(())
}
