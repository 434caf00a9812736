//! Spans of `tracing`: what a subscriber sees of a lookup, and that nobody else pays for it.

use std::sync::{Arc, Mutex};

use giotto_cache::testing::Chaos;
use giotto_cache::{LocMemKeyValue, Result};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;

use crate::model::Model;
use crate::world::{World, ask, cache_on, seconds, stale, worlds};

/// Keeps the spans of one thread: their names with that of their parent, and what they follow from.
#[derive(Clone)]
struct Spans {
    level: LevelFilter,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    all: Vec<SeenSpan>,
    entered: Vec<u64>,
}

struct SeenSpan {
    metadata: &'static Metadata<'static>,
    parent: Option<u64>,
    follows: Option<u64>,
}

impl Spans {
    fn of(level: LevelFilter) -> Self {
        Self {
            level,
            seen: Arc::default(),
        }
    }

    /// `name < parent`, in the order in which they began.
    fn told(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let name = |id: u64| seen.all[id as usize - 1].metadata.name();
        let tell = |span: &SeenSpan| {
            let parent = span.parent.map(|id| format!(" < {}", name(id)));
            let follows = span.follows.map(|id| format!(" after {}", name(id)));
            let own = span.metadata.name();
            format!(
                "{own}{}{}",
                parent.unwrap_or_default(),
                follows.unwrap_or_default()
            )
        };
        seen.all.iter().map(tell).collect()
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut seen = self.seen.lock().unwrap();
        let parent = match span.is_contextual() {
            true => seen.entered.last().copied(),
            false => span.parent().map(Id::into_u64),
        };
        seen.all.push(SeenSpan {
            metadata: span.metadata(),
            parent,
            follows: None,
        });
        Id::from_u64(seen.all.len() as u64)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        let mut seen = self.seen.lock().unwrap();
        seen.all[span.into_u64() as usize - 1].follows = Some(follows.into_u64());
    }

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, span: &Id) {
        self.seen.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, _: &Id) {
        self.seen.lock().unwrap().entered.pop();
    }

    fn current_span(&self) -> Current {
        let seen = self.seen.lock().unwrap();
        match seen.entered.last() {
            None => Current::none(),
            Some(id) => Current::new(Id::from_u64(*id), seen.all[*id as usize - 1].metadata),
        }
    }
}

#[tokio::test]
async fn a_lookup_its_calls_and_its_lease_are_spans_and_a_refresh_is_linked() -> Result<()> {
    let spans = Spans::of(LevelFilter::DEBUG);
    let _guard = tracing::subscriber::set_default(spans.clone());
    let [_, World { clock, .. }] = worlds();
    let outside = Chaos::new(LocMemKeyValue::new().clock(clock.clone()));
    let (cache, model) = (cache_on(Arc::new(outside), &clock), Model::default());
    ask(&cache, &stale(), &model).await?;
    let told = spans.told();
    assert_eq!(told[0], "cache lookup");
    assert_eq!(told[1], "store call < cache lookup");
    assert!(
        told.contains(&"cache lease < cache lookup".to_owned()),
        "{told:?}"
    );
    assert!(
        told.contains(&"store call < cache lease".to_owned()),
        "{told:?}"
    );
    assert_eq!(
        told.last().unwrap(),
        "store call < cache lookup",
        "{told:?}"
    );
    let before = told.len();
    clock.advance(seconds(60));
    ask(&cache, &stale(), &model).await?;
    let told = &spans.told()[before..];
    assert_eq!(told[0], "cache lookup");
    assert!(
        told.contains(&"cache refresh after cache lookup".to_owned()),
        "{told:?}"
    );
    assert!(
        told.contains(&"cache lease < cache refresh".to_owned()),
        "{told:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_hit_in_memory_is_a_span_where_a_subscriber_asks_for_it_and_none_elsewhere() -> Result<()>
{
    for (level, expected) in [
        (LevelFilter::DEBUG, &["cache lookup"][..]),
        (LevelFilter::INFO, &[]),
    ] {
        let [world, _] = worlds();
        let model = Model::default();
        world.ask(&stale(), &model).await?;
        let spans = Spans::of(level);
        let _guard = tracing::subscriber::set_default(spans.clone());
        world.ask(&stale(), &model).await?;
        let counts = world.cache.counts();
        assert_eq!(
            (spans.told(), counts.hits),
            (expected.iter().map(|name| (*name).to_owned()).collect(), 1)
        );
    }
    Ok(())
}
