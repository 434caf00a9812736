//! Properties of the whole: no request breaks the service, and an invocation has one key whatever its form.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod common;

use std::sync::LazyLock;

use bytes::Bytes;
use giotto::cache::LocMemKeyValue;
use giotto::prelude::{App, Manifest, Program};
use giotto::view::BasicView;
use giotto::{Body, Service};
use http_body_util::{BodyExt, Full};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tower_service::Service as _;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
});

/// Everything but the programs that fail on purpose or wait for others.
static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    App::new(common::manifest())
        .cache(LocMemKeyValue::new())
        .into_service()
        .unwrap()
});

fn answer(service: &Service, request: http::Request<Full<Bytes>>) -> http::Response<Body> {
    RUNTIME.block_on(service.clone().call(request)).unwrap()
}

/// The names of programs that always answer.
fn program() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("squared"),
        Just("multiply"),
        Just("echo"),
        Just("sum"),
        Just("paint"),
        Just("greet"),
        Just("speak"),
        Just("blog"),
        Just("blog/post"),
        Just("old"),
        Just("subscribe"),
        Just("submit"),
        Just("empty"),
        Just(""),
        Just("page"),
        Just("lab/counted"),
    ]
    .prop_map(str::to_owned)
}

/// Text in which what the framework looks for is frequent.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,12}",
        "[0-9]{1,20}",
        "[-+./%?&=;,*()'\"{}\\[\\] a0]{0,12}",
        Just("x".to_owned()),
        Just("text".to_owned()),
        Just("numbers".to_owned()),
        Just("json".to_owned()),
        Just("%".to_owned()),
        Just("%F".to_owned()),
        Just("%FF".to_owned()),
        Just("%00".to_owned()),
    ]
}

/// As it may stand in a URI: percent-encoded, or not where it need not be.
fn encoded() -> impl Strategy<Value = String> {
    (text(), any::<bool>()).prop_map(|(text, all)| {
        let is_plain = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}#".contains(c);
        match all || !text.chars().all(is_plain) {
            true => percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string(),
            false => text,
        }
    })
}

fn target() -> impl Strategy<Value = String> {
    let segments = vec(encoded(), 0..4).prop_map(|segments| segments.join("/"));
    let pairs = vec((encoded(), encoded()), 0..5).prop_map(|pairs| {
        pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&")
    });
    (
        program(),
        prop_oneof![Just(""), Just("/"), Just("."), Just(".json"), Just(".txt/")],
        segments,
        pairs,
    )
        .prop_map(|(program, separator, segments, pairs)| {
            format!("/{program}{separator}{segments}?{pairs}")
        })
}

#[derive(Serialize, Deserialize)]
struct Arguments {
    number: i32,
    text: String,
    #[serde(default)]
    flag: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_request_breaks_the_service(
        target in target(),
        method in prop_oneof![Just("GET"), Just("HEAD"), Just("POST"), Just("OPTIONS"), Just("PUT")],
        fields in vec(
            (
                prop_oneof![
                    Just("accept"), Just("if-none-match"), Just("content-type"), Just("x-requested-with"),
                ],
                vec(prop_oneof![32_u8..127, 128_u8..=255, Just(b';'), Just(b'q'), Just(b'='), Just(b'/')], 0..40),
            ),
            0..4,
        ),
        body in vec(any::<u8>(), 0..60),
    ) {
        let mut request = http::Request::builder().method(method).uri(&target);
        for (name, value) in &fields {
            request = request.header(*name, value.as_slice());
        }
        // What the `http` crate does not take for a URI never reaches the service.
        let Ok(request) = request.body(Full::new(Bytes::from(body))) else { return Ok(()) };
        let response = answer(&SERVICE, request);
        let status = response.status().as_u16();
        prop_assert!(status < 500, "{method} {target} {fields:?}: {status}");
        prop_assert!(response.headers().contains_key("cache-control") || status == 204);
    }

    #[test]
    fn no_accept_field_breaks_the_choice(
        accept in prop_oneof![
            "[ -~]{0,60}",
            "[*/;q=,. 01a-z+-]{0,60}",
            "(text|[*]|image)/(html|[*]|css)(;q=[01.]{0,4})?(, ?[a-z*/;=]{0,9}){0,9}",
        ],
    ) {
        let Ok(value) = http::HeaderValue::from_str(&accept) else { return Ok(()) };
        let request = http::Request::get("/squared?x=1").header("accept", value);
        let status = answer(&SERVICE, request.body(Full::default()).unwrap()).status();
        prop_assert!(status == 200 || status == 406, "{accept:?}: {status}");
    }
}

/// Any value of JSON, of few texts and numbers so that two are often alike.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (-2_i64..3).prop_map(Into::into),
        prop_oneof![Just(0.5), Just(1.0), Just(1e300)].prop_map(Into::into),
        "[1a'\\[\\]{}:, ]{0,3}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Into::into),
            vec(("[1a']{0,2}", inner), 0..3).prop_map(|members| members
                .into_iter()
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

/// What a value may be made of.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Anything {
    Flag(bool),
    Number(i64),
    Ratio(f64),
    Text(String),
    Pair(i64, Box<Self>),
    Optional(Vec<Option<Self>>),
    Map(std::collections::HashMap<String, Option<Self>>),
}

#[derive(Serialize, Deserialize)]
struct Whatever {
    value: Anything,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_invocation_has_one_key_whatever_its_form(
        number in any::<i32>(),
        text in ".{0,20}",
        flag in any::<bool>(),
        zeros in 0_usize..4,
        unknown in "u[a-z]{0,5}",
    ) {
        // A path never has a segment that is `.` or empty by mistake: the form by position needs more.
        prop_assume!(!text.is_empty());
        let program = Program::new(|a: Arguments| format!("{} {} {}", a.number, a.text, a.flag));
        let program = program.cache(60).view(BasicView::new());
        let app = App::new(Manifest::new([("it", program)])).cache(LocMemKeyValue::new());
        let cache = app.shared_cache().clone();
        let service = app.into_service().unwrap();
        let encode = |text: &str| percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
        let word = encode(&text);
        let sign = if number < 0 { "-" } else { "" };
        let padded = format!("{sign}{}{}", "0".repeat(zeros), number.unsigned_abs());
        let yes = if flag { "yes" } else { "no" };
        let targets = [
            format!("/it.json?number={number}&text={word}&flag={flag}"),
            format!("/it.json?flag={yes}&text={word}&number={padded}"),
            format!("/it.json/{padded}/{word}/{flag}"),
            format!("/it.json/{number}?flag={}&text={word}", u8::from(flag)),
            format!("/it.json/{word}/{yes}?{unknown}={word}&number={padded}"),
            format!("/it?text={word}&number={number}&{}", if flag { "flag=on" } else { "" }),
        ];
        let mut bodies = Vec::new();
        for target in &targets {
            let request = http::Request::get(target).header("accept", "application/json");
            let response = answer(&service, request.body(Full::default()).unwrap());
            prop_assert_eq!(response.status(), 200, "{}", target);
            bodies.push(RUNTIME.block_on(response.into_body().collect()).unwrap().to_bytes());
        }
        prop_assert!(bodies.iter().all(|body| *body == bodies[0]));
        prop_assert_eq!(cache.counts().computed, 1);
        prop_assert_eq!(cache.counts().hits, targets.len() as u64 - 1);
    }

    #[test]
    fn two_invocations_never_share_a_page(
        (a, b) in (("[ab'\"(){}:,1\\\\]{0,4}", "[ab'\"(){}:,1\\\\]{0,4}"), ("[ab'\"(){}:,1\\\\]{0,4}", "[ab'\"(){}:,1\\\\]{0,4}")),
    ) {
        #[derive(Serialize, Deserialize)]
        struct Two { one: String, two: String }
        let program = Program::new(|Two { one, two }: Two| (one, two)).cache(60).view(BasicView::new());
        let app = App::new(Manifest::new([("it", program)])).cache(LocMemKeyValue::new());
        let service = app.into_service().unwrap();
        let encode = |text: &str| percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
        for (one, two) in [&a, &b, &a] {
            let target = format!("/it.json?one={}&two={}", encode(one), encode(two));
            let response = answer(&service, http::Request::get(target).body(Full::default()).unwrap());
            let body = RUNTIME.block_on(response.into_body().collect()).unwrap().to_bytes();
            let shown: (String, String) = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!((&shown.0, &shown.1), (one, two));
        }
    }

    #[test]
    fn two_values_share_a_page_only_if_they_are_equal(one in json(), other in json()) {
        let program = Program::new(|_: Whatever| "").cache(60).view(BasicView::new());
        let app = App::new(Manifest::new([("it", program)])).cache(LocMemKeyValue::new());
        app.check().unwrap();
        let cache = app.shared_cache().clone();
        let service = app.into_service().unwrap();
        let mut values = Vec::new();
        for value in [&one, &other] {
            let text = value.to_string();
            let Ok(typed) = serde_json::from_str::<Anything>(&text) else { return Ok(()) };
            values.push(typed);
            let encoded = percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
            let request = http::Request::get(format!("/it?value={encoded}"));
            let response = answer(&service, request.body(Full::default()).unwrap());
            prop_assert_eq!(response.status(), 200, "{}", text);
        }
        let expected = if values[0] == values[1] { 1 } else { 2 };
        prop_assert_eq!(cache.counts().computed, expected, "{} {}", one, other);
    }
}
