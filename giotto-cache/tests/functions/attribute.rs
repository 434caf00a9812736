//! `#[cached]` on functions and methods: called as they are written, and computed once.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use giotto_cache::{Cache, LocMemKeyValue, Mode, Policy, Result, Scope, cached};
use serde::{Deserialize, Serialize};

use crate::world::{Broken, Runs, User};

fn cache() -> Cache {
    Cache::new(LocMemKeyValue::new())
}

/// The names of the functions that were called, and how often each computed.
fn computed(cache: &Cache) -> BTreeMap<String, u64> {
    let programs = cache.programs().into_iter();
    programs
        .map(|counts| (counts.program, counts.counts.computed))
        .collect()
}

#[cached(seconds = 60, stale_while_revalidate = 300, tags = [format!("user:{id}"), "users".to_owned()])]
async fn user(cache: &Cache, #[skip] runs: &Runs, id: u64, lang: &str) -> Result<User, Broken> {
    let run = runs.run().await;
    if id == 0 {
        return Err(Broken::Run(run));
    }
    let name = format!("{lang}: user {id}, {}", cache.in_flight());
    Ok(User { id, name, run })
}

#[tokio::test]
async fn a_function_is_called_as_it_is_written() {
    let (cache, runs) = (cache(), Runs::default());
    for (id, lang, run) in [
        (7, "de", 1),
        (7, "de", 1),
        (7, "en", 2),
        (8, "de", 3),
        (7, "en", 2),
    ] {
        let found = user(&cache, &runs, id, lang).await.unwrap();
        assert_eq!((found.id, found.run), (id, run));
        assert_eq!(found.name, format!("{lang}: user {id}, 1"));
    }
    let name = "functions::attribute::user".to_owned();
    assert_eq!(computed(&cache), BTreeMap::from([(name.clone(), 3)]));
    let listing = giotto_cache::Listing::new(10).program(&name);
    let listed = cache.list(&listing).await.unwrap();
    let keys: Vec<_> = listed
        .entries
        .into_iter()
        .filter_map(|entry| entry.arguments)
        .collect();
    assert!(
        keys.contains(&"{'id': 7, 'lang': 'de'}".to_owned()),
        "{keys:?}"
    );

    cache.invalidate("user:7").await.unwrap();
    // Served while a new one is computed.
    assert_eq!(user(&cache, &runs, 7, "de").await.unwrap().run, 1);
    cache.settle().await;
    assert_eq!(user(&cache, &runs, 7, "de").await.unwrap().run, 4);
    assert_eq!(user(&cache, &runs, 8, "de").await.unwrap().run, 3);
    cache.purge(Scope::Program(name)).await.unwrap();
    assert_eq!(user(&cache, &runs, 8, "de").await.unwrap().run, 5);

    // An error is that of the function, and is not stored.
    for run in [6, 7] {
        assert_eq!(user(&cache, &runs, 0, "de").await, Err(Broken::Run(run)));
    }
}

#[cached(forever, negative = 5)]
async fn find(cache: &Cache, #[skip] runs: Runs, mut id: u64) -> Option<String> {
    let run = runs.run().await;
    let _ = cache;
    id += 1;
    (id > 1).then(|| format!("{id} in run {run}"))
}

#[cached(seconds = 60, name = "sum")]
async fn sum(cache: Arc<Cache>, numbers: &[u64], and: Vec<u64>) -> u64 {
    drop(cache);
    numbers.iter().chain(&and).sum()
}

#[cached(seconds = 60)]
async fn nothing(cache: &Cache, #[skip] runs: &Runs) {
    let _ = (cache, runs.run().await);
}

#[tokio::test]
async fn any_result_is_stored() {
    let (cache, runs) = (cache(), Runs::default());
    for _ in 0..3 {
        assert_eq!(find(&cache, runs.clone(), 0).await, None);
        let found = find(&cache, runs.clone(), 1).await;
        assert_eq!(found.as_deref(), Some("2 in run 2"));
        assert_eq!(sum(Arc::new(cache.clone()), &[1, 2], vec![3]).await, 6);
        nothing(&cache, &runs).await;
    }
    assert_eq!(runs.count(), 3);
    assert_eq!(computed(&cache)["sum"], 1);
}

#[derive(Clone)]
struct Users {
    cache: Cache,
    runs: Runs,
    seconds: u64,
}

impl Users {
    #[cached(seconds = self.seconds, cache = self.cache)]
    async fn one(&self, id: u64) -> Result<u64, Broken> {
        let doubled = self.double(id).await?;
        Ok(doubled + self.runs.run().await)
    }

    #[cached(policy = Policy::seconds(self.seconds), cache = self.cache)]
    async fn double(&self, id: u64) -> Result<u64, Broken> {
        match id {
            0 => Err(Broken::Absent)?,
            id => Ok(2 * id),
        }
    }

    #[cached(forever, cache = self.cache)]
    async fn shared(self: Arc<Self>, id: u64) -> u64 {
        id + self.seconds
    }

    #[cached(forever, cache = Self::cache(self))]
    async fn by_a_function(self: &Arc<Self>) -> u64 {
        self.runs.run().await
    }

    fn cache(&self) -> &Cache {
        &self.cache
    }
}

struct Others(Users);

impl Others {
    /// The same name in the same module.
    #[cached(forever, cache = self.cache())]
    async fn one(&self, id: u64) -> Result<u64, Broken> {
        Ok(1_000 + id)
    }

    fn cache(&self) -> &Cache {
        &self.0.cache
    }
}

impl Clone for Others {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[tokio::test]
async fn methods_leave_self_out_and_are_told_apart_by_its_type() {
    let users = Users {
        cache: cache(),
        runs: Runs::default(),
        seconds: 60,
    };
    for _ in 0..3 {
        assert_eq!(users.one(7).await, Ok(15));
        assert_eq!(Others(users.clone()).one(7).await, Ok(1_007));
        assert_eq!(users.one(0).await, Err(Broken::Absent));
        let shared = Arc::new(users.clone());
        assert_eq!(Arc::clone(&shared).shared(7).await, 67);
        assert_eq!(shared.by_a_function().await, 2);
    }
    let computed = computed(&users.cache);
    assert_eq!(computed["functions::attribute::Users::double"], 4);
    assert_eq!(computed["functions::attribute::Others::one"], 1);
}

#[derive(Clone, Serialize)]
struct Tenant {
    name: &'static str,
    #[serde(skip)]
    cache: Option<Cache>,
}

impl Tenant {
    #[cached(seconds = 60, cache = self.cache.clone().unwrap_or_else(cache), key_self)]
    async fn greeting(&self, to: &str) -> String {
        format!("{} greets {to}", self.name)
    }
}

#[tokio::test]
async fn a_method_may_have_self_in_its_key() {
    let own = cache();
    for name in ["a", "b", "a"] {
        let tenant = Tenant {
            name,
            cache: Some(own.clone()),
        };
        assert_eq!(tenant.greeting("c").await, format!("{name} greets c"));
    }
    assert_eq!(computed(&own)["functions::attribute::Tenant::greeting"], 2);
}

/// An error without `Clone`, as many are.
#[derive(Debug)]
enum Unclonable {
    Cache(giotto_cache::Error),
    Own,
}

impl fmt::Display for Unclonable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cache(error) => error.fmt(f),
            Self::Own => f.write_str("own"),
        }
    }
}

impl std::error::Error for Unclonable {}

impl From<giotto_cache::Error> for Unclonable {
    fn from(error: giotto_cache::Error) -> Self {
        Self::Cache(error)
    }
}

#[cached(seconds = 60, hard_timeout = 5)]
async fn unclonable(cache: &Cache) -> Result<u8, Unclonable> {
    let _ = cache;
    Err(Unclonable::Own)
}

#[cached(seconds = 60)]
async fn boxed(cache: &Cache, text: &str) -> Result<u8, Box<dyn std::error::Error + Send + Sync>> {
    let _ = cache;
    Ok(text.parse()?)
}

#[tokio::test]
async fn an_error_that_cannot_be_cloned_is_the_source_of_what_callers_get() {
    let cache = cache();
    let error = unclonable(&cache).await.unwrap_err();
    let Unclonable::Cache(error) = error else {
        panic!("{error:?}");
    };
    assert!(matches!(error.computed(), Some(Unclonable::Own)));
    assert_eq!(boxed(&cache, "7").await.unwrap(), 7);
    let error = boxed(&cache, "a").await.unwrap_err();
    assert_eq!(error.to_string(), "invalid digit found in string");
}

#[cached(seconds = 60, negative = 5, negative_errors = |error| *error == Broken::Absent)]
async fn missing(cache: &Cache, #[skip] runs: &Runs, is_absent: bool) -> Result<u8, Broken> {
    let run = runs.run().await;
    let _ = cache;
    Err(if is_absent {
        Broken::Absent
    } else {
        Broken::Run(run)
    })
}

#[tokio::test]
async fn errors_that_are_chosen_are_stored() {
    let (cache, runs) = (cache(), Runs::default());
    for run in [2, 3] {
        assert_eq!(missing(&cache, &runs, true).await, Err(Broken::Absent));
        assert_eq!(missing(&cache, &runs, false).await, Err(Broken::Run(run)));
    }
}

#[cached(seconds = 60)]
async fn factorial(cache: &Cache, n: u64) -> u64 {
    match n {
        0 => 1,
        n => n * again(cache, n - 1).await,
    }
}

/// The compiler cannot see that a future which contains itself can be sent.
fn again(cache: &Cache, n: u64) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
    Box::pin(factorial(cache, n))
}

#[cached(seconds = 60)]
async fn panics(cache: &Cache) -> u8 {
    let _ = cache;
    panic!("staged: the function panics")
}

#[tokio::test]
async fn a_function_may_call_itself_and_panic_as_others_do() {
    let cache = cache();
    assert_eq!(factorial(&cache, 20).await, 2_432_902_008_176_640_000);
    assert_eq!(computed(&cache)["functions::attribute::factorial"], 21);
    let panicked = tokio::spawn(async move { panics(&cache).await }).await;
    assert!(panicked.unwrap_err().is_panic());
}

mod one {
    #[giotto_cache::cached(seconds = 60, name = "price")]
    pub(super) async fn price(cache: &giotto_cache::Cache, id: u64) -> u64 {
        let _ = cache;
        id
    }
}

mod other {
    #[giotto_cache::cached(seconds = 60, name = "price")]
    pub(super) async fn price(cache: &giotto_cache::Cache, id: u64) -> u64 {
        let _ = cache;
        10 * id
    }
}

#[tokio::test]
async fn a_second_function_of_one_name_is_not_cached() {
    let cache = cache();
    for _ in 0..2 {
        assert_eq!(one::price(&cache, 7).await, 7);
        assert_eq!(other::price(&cache, 7).await, 70);
    }
    let function = cache
        .function("price")
        .policy(Policy::seconds(60))
        .mode(Mode::Only);
    let stored = function.call(BTreeMap::from([("id", 7)]), || async {
        Ok::<u64, Broken>(0)
    });
    assert_eq!(stored.await.unwrap(), 7);
}

/// A path that is no text cannot be written as a key.
#[cached(seconds = 60)]
async fn length(cache: &Cache, path: std::path::PathBuf) -> usize {
    let _ = cache;
    path.as_os_str().len()
}

#[cfg(unix)]
#[tokio::test]
async fn arguments_that_cannot_be_written_compute_without_the_cache() {
    use std::os::unix::ffi::OsStringExt as _;
    let path = std::ffi::OsString::from_vec(vec![0xff, 0xfe]);
    assert_eq!(length(&cache(), path.into()).await, 2);
}

/// What a task can be spawned with.
#[tokio::test]
async fn a_call_can_be_spawned() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Page(Vec<u8>);

    #[cached(seconds = 60)]
    async fn page(cache: &Cache, path: &str) -> Result<Page, Broken> {
        let _ = cache;
        tokio::task::yield_now().await;
        Ok(Page(path.into()))
    }

    let cache = cache();
    let task = tokio::spawn(async move { page(&cache, "/").await });
    assert_eq!(task.await.unwrap(), Ok(Page(b"/".to_vec())));
}

#[cached(forever, tags = ["inner"])]
async fn inner(cache: &Cache, #[skip] runs: &Runs) -> u64 {
    let _ = cache;
    runs.run().await
}

#[cached(forever, tags = ["apart"], independent)]
async fn apart(cache: &Cache, #[skip] runs: &Runs) -> u64 {
    let _ = cache;
    runs.run().await
}

#[cached(forever)]
async fn outer(cache: &Cache, #[skip] one: &Runs, #[skip] other: &Runs) -> (u64, u64) {
    (inner(cache, one).await, apart(cache, other).await)
}

#[tokio::test]
async fn a_result_inherits_the_tags_of_what_it_is_made_of() {
    let (cache, one, other) = (cache(), Runs::default(), Runs::default());
    let outer = async || outer(&cache, &one, &other).await;
    assert_eq!(outer().await, (1, 1));
    cache.purge("apart").await.unwrap();
    assert_eq!(outer().await, (1, 1), "it is independent");
    cache.purge("inner").await.unwrap();
    assert_eq!(outer().await, (2, 2));
}
