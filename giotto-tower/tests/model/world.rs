//! A layer with random settings around the origin, and the clients that ask it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use fastrand::Rng;
use giotto_cache::{Cache, Clock, KeyValue};
use giotto_tower::CacheLayer;
use http::header::HOST;
use http::{HeaderValue, Method};
use http_body_util::BodyExt;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::check::{Answer, Checker, Seen, Totals};
use crate::origin::Origin;
use crate::rules::{Asked, Settings, User, Vary};
use crate::said::{self, Said, append};
use crate::{DEADLINE, START_MS};

/// Spellings of the same, and different ones.
const LANGUAGES: [[&str; 2]; 3] = [
    ["en, de;q=0.5", "de; q=0.50 ,EN"],
    ["de", "De"],
    ["fr,en;q=0.1", "FR ,  en;q=0.1"],
];

pub struct World {
    seed: u64,
    rng: Rng,
    clock: Clock,
    cache: Cache,
    app: Router,
    origin: Origin,
    settings: Settings,
    checker: Checker,
    requests: usize,
}

impl World {
    pub fn new(seed: u64, store: Arc<dyn KeyValue>) -> Self {
        let mut rng = Rng::with_seed(seed);
        let settings = Settings {
            obeys_requests: rng.bool(),
            default: rng.bool().then_some(5),
            heuristics: rng.u8(..4) == 0,
            stale_if_error: [0, 0, 6][rng.usize(..3)],
        };
        let clock = Clock::manual(START_MS);
        let cache = Cache::builder(store)
            .clock(clock.clone())
            .deadline(DEADLINE)
            .build();
        let mut layer = CacheLayer::new(cache.clone())
            .program(format!("world-{seed}"))
            .obey_requests(settings.obeys_requests)
            .heuristics(settings.heuristics);
        if settings.stale_if_error > 0 {
            layer = layer.stale_if_error(settings.stale_if_error);
        }
        if let Some(seconds) = settings.default {
            layer = layer.policy(Duration::from_secs(seconds)).unwrap();
        }
        let origin = Origin::new(rng.fork(), clock.clone());
        let handler = origin.clone();
        let app = Router::new()
            .fallback(move |request| handler.clone().answer(request))
            .layer(layer);
        Self {
            checker: Checker::new(settings),
            requests: 0,
            seed,
            rng,
            clock,
            cache,
            app,
            origin,
            settings,
        }
    }

    pub const fn requests(&self) -> usize {
        self.requests
    }

    pub const fn totals(&self) -> &Totals {
        self.checker.totals()
    }

    pub fn differences(self) -> Vec<(String, String)> {
        self.checker.differences()
    }

    /// Time passes, or a resource changes, or requests come.
    pub async fn step(&mut self) {
        match self.rng.u8(..100) {
            0..3 => {
                let said = Said::draw(&mut self.rng);
                let mut origin = self.origin.state();
                let path = self.rng.usize(..origin.resources.len());
                let resource = &mut origin.resources[path];
                resource.said = said;
                resource.version += 1;
            }
            3..30 => self.clock.advance(Duration::from_secs(self.rng.u64(..7))),
            30..40 => self.burst().await,
            _ => self.one().await,
        }
    }

    async fn one(&mut self) {
        let asked = self.draw(None);
        self.origin.state().takes_time = true;
        let seen = self.ask(vec![asked]).await;
        self.checker
            .check(&seen, &self.origin.state(), &self.told());
    }

    /// Requests for one path at once, which the layer may coalesce.
    async fn burst(&mut self) {
        let path = self.rng.usize(..6);
        let all = (0..self.rng.usize(2..9)).map(|_| self.draw(Some(path)));
        let all: Vec<_> = all.collect();
        self.origin.state().takes_time = false;
        let seen = self.ask(all).await;
        self.checker
            .check(&seen, &self.origin.state(), &self.told());
    }

    fn told(&self) -> String {
        format!(
            "seed {} after {} requests, {:?}",
            self.seed, self.requests, self.settings
        )
    }

    /// A request of any client; for `path` a safe one.
    fn draw(&mut self, path: Option<usize>) -> Asked {
        self.requests += 1;
        let rng = &mut self.rng;
        let mut asked = Asked {
            number: self.requests as u64,
            method: match rng.u8(..100) {
                0..2 if path.is_none() => "POST",
                2 if path.is_none() => "DELETE",
                3..10 => "HEAD",
                _ => "GET",
            },
            path: path.unwrap_or_else(|| rng.usize(..6)),
            user: User {
                cookie: (rng.u8(..3) == 0).then(|| rng.u8(..3)),
                authorization: (rng.u8(..6) == 0).then(|| rng.u8(..2)),
            },
            language: (rng.u8(..4) != 0).then(|| rng.usize(..LANGUAGES.len())),
            ..Asked::default()
        };
        let seconds = |rng: &mut Rng| (rng.u8(..16) == 0).then(|| rng.u64(..12));
        asked.no_cache = rng.u8(..20) == 0;
        asked.no_store = rng.u8(..30) == 0;
        asked.only_if_cached = rng.u8(..30) == 0;
        asked.max_age = seconds(rng);
        asked.min_fresh = seconds(rng);
        asked.max_stale = seconds(rng);
        let version = self.origin.state().resources[asked.path].version;
        let version = version.saturating_sub(rng.u64(..2));
        asked.none_match = (rng.u8(..8) == 0).then_some(version);
        let since = said::modified_ms(version + rng.u64(..2));
        let dates = [since, self.clock.now_ms() - rng.u64(..9) * 1_000];
        asked.modified_since = (rng.u8(..12) == 0).then(|| dates[rng.usize(..2)]);
        asked.range = (rng.u8(..14) == 0).then(|| {
            let first = rng.u64(..60);
            (first, first + rng.u64(..20))
        });
        asked
    }

    /// The answers to requests that are sent at once, and when.
    async fn ask(&mut self, all: Vec<Asked>) -> Seen {
        let before_ms = self.clock.now_ms();
        let mut tasks = JoinSet::new();
        for asked in all {
            let (app, request) = (self.app.clone(), self.request(&asked));
            tasks.spawn(async move {
                let (parts, body) = app.oneshot(request).await.unwrap().into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let answer = Answer {
                    status: parts.status.as_u16(),
                    body: String::from_utf8(body.to_vec()).unwrap(),
                    fields: parts.headers,
                };
                (asked, answer)
            });
        }
        let answers = tasks.join_all().await;
        self.cache.settle().await;
        Seen {
            answers,
            before_ms,
            after_ms: self.clock.now_ms(),
        }
    }

    fn request(&mut self, asked: &Asked) -> Request {
        let rng = &mut self.rng;
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = format!("/{}", asked.path).parse().unwrap();
        *request.method_mut() = Method::from_bytes(asked.method.as_bytes()).unwrap();
        let fields = request.headers_mut();
        fields.insert(HOST, HeaderValue::from_static("example.com"));
        append(fields, "x-request", &asked.number.to_string());
        if let Some(user) = asked.user.cookie {
            append(fields, "cookie", &format!("user={user}"));
        }
        if let Some(user) = asked.user.authorization {
            append(fields, "authorization", &format!("Bearer {user}"));
        }
        if let Some(language) = asked.language {
            append(
                fields,
                "accept-language",
                LANGUAGES[language][rng.usize(..2)],
            );
        }
        let flags = [
            (asked.no_cache, "no-cache"),
            (asked.no_store, "No-Store"),
            (asked.only_if_cached, "only-if-cached"),
        ];
        for (_, flag) in flags.iter().filter(|(is_set, _)| *is_set) {
            append(fields, "cache-control", flag);
        }
        let times = [
            (asked.max_age, "max-age"),
            (asked.min_fresh, "Min-Fresh"),
            (asked.max_stale, "max-stale"),
        ];
        for (seconds, name) in times {
            if let Some(seconds) = seconds {
                append(fields, "cache-control", &format!("{name}={seconds}"));
            }
        }
        if let Some(version) = asked.none_match {
            let tag = said::etag(version, rng.bool());
            append(fields, "if-none-match", &format!("\"x,y\" , {tag}"));
        }
        if let Some(since) = asked.modified_since {
            append(fields, "if-modified-since", &said::date(since));
        }
        if let Some((first, last)) = asked.range {
            append(fields, "range", &format!("bytes={first}-{last}"));
        }
        request
    }
}

impl Vary {
    /// What selects among the responses of a path that varies so.
    pub fn selects(self, asked: &Asked) -> (Option<usize>, Option<u8>) {
        let by_language = matches!(self, Self::Language | Self::Both);
        let by_cookie = matches!(self, Self::Cookie | Self::Both);
        (
            asked.language.filter(|_| by_language),
            asked.user.cookie.filter(|_| by_cookie),
        )
    }
}
