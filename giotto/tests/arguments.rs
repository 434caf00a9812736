//! Arguments of every type and with every attribute of serde, from every front end: each works, or the program is refused
//! before it starts, with the reason. No two values share a key, and no value has two.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;

use bytes::Bytes;
use giotto::cache::LocMemKeyValue;
use giotto::prelude::*;
use giotto::{ErrorKind, Request};
use http_body_util::{BodyExt, Full};
use serde::de::DeserializeOwned;
use serde::{Deserializer, Serializer};
use tower_service::Service as _;

/// A program with a cache that shows its arguments.
fn shows<A: DeserializeOwned + Serialize + Debug + Send + 'static>() -> Program {
    Program::new(|arguments: A| format!("{arguments:?}"))
        .cache(60)
        .view(BasicView::new().text(String::clone).cmd(String::clone))
}

fn app<A: DeserializeOwned + Serialize + Debug + Send + 'static>() -> App {
    App::new(Manifest::new([("it", shows::<A>())])).cache(LocMemKeyValue::new())
}

/// What `App::check` says of a program that takes an `A`.
fn check<A: DeserializeOwned + Serialize + Debug + Send + 'static>() -> Result<(), String> {
    app::<A>().check().map_err(|error| {
        assert_eq!(*error.kind(), ErrorKind::Configuration);
        error.to_string()
    })
}

/// Expects a program that takes an `A` to be refused, in one line with all of `words`.
fn is_refused<A: DeserializeOwned + Serialize + Debug + Send + 'static>(words: &[&str]) {
    let refusal = check::<A>().expect_err(std::any::type_name::<A>());
    assert_eq!(refusal.lines().count(), 1, "{refusal}");
    for word in [&["'it'"], words].concat() {
        assert!(refusal.contains(word), "{word}: {refusal}");
    }
}

async fn answer(app: &App, request: http::request::Builder, body: &'static str) -> (u16, String) {
    let mut service = app.clone().into_service().unwrap();
    let request = request.header("accept", "text/plain");
    let request = request.body(Full::new(Bytes::from_static(body.as_bytes())));
    let response = service.call(request.unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn encode(text: &str) -> String {
    percent_encoding::percent_encode(text.as_bytes(), percent_encoding::NON_ALPHANUMERIC)
        .to_string()
}

fn query(arguments: &[(&str, &str)]) -> String {
    let pairs = arguments.iter();
    let pairs = pairs.map(|(name, value)| format!("{name}={}", encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// What GET, POST of a form and the command line show for `arguments`: the same.
async fn shown(app: &App, arguments: &[(&'static str, &'static str)]) -> Result<String, String> {
    let get = http::Request::get(format!("/it?{}", query(arguments)));
    let get = answer(app, get, "").await;
    let post = http::Request::post("/it");
    let form = Box::leak(query(arguments).into_boxed_str());
    let posted = answer(app, post, form).await;
    // A form that is refused is shown once more where there is one.
    assert_eq!(get.0, posted.0, "{arguments:?}");
    assert!(
        get.0 != 200 || get == posted,
        "{arguments:?}: {get:?} {posted:?}"
    );
    let request = Request::new(CMD, "it").accept("text/cmd");
    let mut request = arguments.iter().fold(request, |request, (name, value)| {
        request.argument(name, *value)
    });
    let cmd = app.invoke(&mut request).await;
    let cmd = cmd.map(|page| String::from_utf8(page.body().to_vec()).unwrap());
    match (get, cmd) {
        ((200, get), Ok(cmd)) => {
            assert_eq!(get, cmd, "{arguments:?}");
            Ok(get)
        }
        ((400, get), Err(cmd)) => {
            assert!(get.contains(&cmd.to_string()), "{arguments:?}: {get} {cmd}");
            Err(get)
        }
        (get, cmd) => panic!("{arguments:?}: {get:?} {cmd:?}"),
    }
}

mod sets {
    use super::*;

    type Hidden = HashSet<String>;

    #[derive(Debug, Serialize, Deserialize)]
    struct Plain {
        ids: HashSet<u32>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Aliased {
        x: i64,
        #[serde(default)]
        names: Option<Hidden>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Nested {
        filter: Filter,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Filter {
        by: HashMap<String, Vec<HashSet<(u8, bool)>>>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Flags {
        flags: Wrapped,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Wrapped(HashSet<bool>);

    /// A set of what no sample is made of.
    #[derive(Debug, Serialize, Deserialize)]
    struct Picky {
        days: HashSet<Day>,
    }

    #[derive(Debug, PartialEq, Eq, Hash, Serialize)]
    struct Day(String);

    impl<'de> Deserialize<'de> for Day {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            let is_day = text.starts_with("day ");
            let day = is_day.then_some(Self(text));
            day.ok_or_else(|| serde::de::Error::custom("no day"))
        }
    }

    /// A set behind the type of a list.
    #[derive(Debug, Serialize, Deserialize)]
    struct Converted {
        ids: Shuffled,
    }

    #[derive(Debug, Clone, Serialize, Deserialize)]
    #[serde(from = "Vec<u64>", into = "Vec<u64>")]
    struct Shuffled(HashSet<u64>);

    impl From<Vec<u64>> for Shuffled {
        fn from(ids: Vec<u64>) -> Self {
            Self(ids.into_iter().collect())
        }
    }

    impl From<Shuffled> for Vec<u64> {
        fn from(ids: Shuffled) -> Self {
            ids.0.into_iter().collect()
        }
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Chosen {
        choice: Choice,
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Choice {
        One(i64),
        Some(HashSet<String>),
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Fixed {
        ids: HashSet<u32, std::hash::BuildHasherDefault<std::collections::hash_map::DefaultHasher>>,
    }

    #[model]
    #[expect(clippy::needless_pass_by_value, reason = "a model owns its arguments")]
    fn count(ids: HashSet<i64>) -> usize {
        ids.len()
    }

    #[test]
    fn a_set_without_an_order_is_refused_for_a_program_with_a_cache() {
        is_refused::<Plain>(&["'ids'", "BTreeSet", ".cache(..)"]);
        is_refused::<Aliased>(&["'names'", "BTreeSet"]);
        is_refused::<Nested>(&["'filter'", "BTreeSet"]);
        is_refused::<Flags>(&["'flags'", "BTreeSet"]);
        is_refused::<Picky>(&["'days'", "BTreeSet"]);
        is_refused::<Converted>(&["'ids'", "BTreeSet"]);
        is_refused::<Chosen>(&["'choice'", "BTreeSet"]);
        is_refused::<Fixed>(&["'ids'", "BTreeSet"]);
        let model = Program::new(count).cache(60).view(BasicView::new());
        let refusal = App::new(Manifest::new([("it", model)])).check();
        assert!(refusal.unwrap_err().to_string().contains("'ids'"));
        let uncached = Program::new(count).view(BasicView::new());
        App::new(Manifest::new([("it", uncached)])).check().unwrap();
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Ordered {
        ids: BTreeSet<u32>,
        #[serde(default)]
        flags: BTreeSet<bool>,
        #[serde(default)]
        map: HashMap<String, i64>,
        #[serde(default, serialize_with = "sorted")]
        sorted: HashSet<u32>,
    }

    fn sorted<S: Serializer>(ids: &HashSet<u32>, serializer: S) -> Result<S::Ok, S::Error> {
        ids.iter().collect::<BTreeSet<_>>().serialize(serializer)
    }

    #[tokio::test]
    async fn what_has_an_order_has_one_key() {
        assert_eq!(check::<Ordered>(), Ok(()));
        let app = app::<Ordered>();
        let many: Vec<_> = (0..30).map(|n| format!("\"{n}\":{n}")).collect();
        let map = format!("{{{}}}", many.join(","));
        for round in 0..20 {
            let (ids, sorted) = match round % 2 {
                0 => (["1", "2", "3"], "[1,2,3,4,5,6,7,8]"),
                _ => (["3", "1", "2"], "[8,7,6,5,4,3,2,1,1]"),
            };
            let mut request = Request::new(HTTP_GET, "it").argument("map", map.clone());
            request = request.argument("sorted", sorted);
            for id in ids {
                request = request.argument("ids", id);
            }
            app.invoke(&mut request).await.unwrap();
        }
        assert_eq!(app.shared_cache().counts().computed, 1);
    }
}

mod parts {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Given {
        #[serde(default)]
        filter: Option<Filter>,
        #[serde(default)]
        map: BTreeMap<String, i64>,
        #[serde(default)]
        list: Vec<i64>,
        #[serde(default)]
        texts: Vec<String>,
        #[serde(default)]
        lists: Vec<Vec<i64>>,
        #[serde(default)]
        pair: Option<(i64, String)>,
        #[serde(default)]
        id: Option<Id>,
        #[serde(default)]
        any: serde_json::Value,
        #[serde(default)]
        shape: Option<Shape>,
        #[serde(default)]
        tagged: Option<Tagged>,
        #[serde(default)]
        beside: Option<Beside>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Filter {
        a: i64,
        #[serde(default)]
        b: Option<String>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Id {
        Number(i64),
        Ratio(f64),
        Flag(bool),
        Text(String),
        Both(Filter),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Point,
        Circle(u8),
        Box { w: u8, h: u8 },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        One { x: i64 },
        None,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "t", content = "c")]
    enum Beside {
        One(i64),
        None,
    }

    #[tokio::test]
    async fn an_argument_with_parts_is_written_as_json() {
        assert_eq!(check::<Given>(), Ok(()));
        let app = app::<Given>();
        for (arguments, word) in [
            (
                &[("filter", "{\"a\":1}")][..],
                "filter: Some(Filter { a: 1, b: None })",
            ),
            (
                &[("filter", " {\"b\":\"x\",\"a\":2} ")],
                "Filter { a: 2, b: Some(\"x\") }",
            ),
            (&[("map", "{\"b\":2,\"a\":1}")], "map: {\"a\": 1, \"b\": 2}"),
            (&[("map", "{}")], "map: {}"),
            (&[("list", "[]")], "list: []"),
            (&[("list", "[1,-2]")], "list: [1, -2]"),
            (&[("list", "7")], "list: [7]"),
            (&[("list", "1"), ("list", "2")], "list: [1, 2]"),
            (&[("texts", "[]")], "texts: []"),
            (&[("texts", "[\"a\",\"[]\"]")], "texts: [\"a\", \"[]\"]"),
            (&[("texts", "[a]")], "texts: [\"[a]\"]"),
            (&[("texts", "[]"), ("texts", "b")], "texts: [\"[]\", \"b\"]"),
            (&[("lists", "[[1],[]]")], "lists: [[1], []]"),
            (
                &[("lists", "[1,2]"), ("lists", "[]")],
                "lists: [[1, 2], []]",
            ),
            (&[("pair", "[1,\"a\"]")], "pair: Some((1, \"a\"))"),
            (&[("pair", "1"), ("pair", "a")], "pair: Some((1, \"a\"))"),
            (&[("id", "12")], "Number(12)"),
            (&[("id", "-1.50")], "Ratio(-1.5)"),
            (&[("id", "true")], "Flag(true)"),
            (&[("id", "abc")], "Text(\"abc\")"),
            (&[("id", "\"12\"")], "Text(\"12\")"),
            (&[("id", "012")], "Text(\"012\")"),
            (&[("id", "")], "Text(\"\")"),
            (&[("id", " 1")], "Text(\" 1\")"),
            (
                &[("id", "123456789012345678901")],
                "Text(\"123456789012345678901\")",
            ),
            (&[("id", "{\"a\":3}")], "Both(Filter { a: 3, b: None })"),
            (
                &[("any", "{\"a\":[1,null]}")],
                "any: Object {\"a\": Array [Number(1), Null]}",
            ),
            (&[("any", "word")], "any: String(\"word\")"),
            (&[("shape", "Point")], "Some(Point)"),
            (&[("shape", "{\"Circle\":3}")], "Some(Circle(3))"),
            (
                &[("shape", "{\"Box\":{\"w\":1,\"h\":2}}")],
                "Some(Box { w: 1, h: 2 })",
            ),
            (
                &[("tagged", "{\"kind\":\"One\",\"x\":1}")],
                "Some(One { x: 1 })",
            ),
            (
                &[("beside", "{\"t\":\"One\",\"c\":1}")],
                "beside: Some(One(1))",
            ),
        ] {
            let shown = shown(&app, arguments).await.unwrap();
            assert!(
                shown.contains(word),
                "{arguments:?}: {word} is not in {shown}"
            );
        }
    }

    #[tokio::test]
    async fn what_a_type_does_not_read_is_refused_with_its_form() {
        let app = app::<Given>();
        for (arguments, words) in [
            (
                &[("filter", "a")][..],
                &["'filter'", "JSON", "{\"a\":1}"][..],
            ),
            (
                &[("filter", "{\"b\":\"x\"}")],
                &["'filter'", "missing field `a`"],
            ),
            (&[("filter", "[]")], &["'filter'"]),
            (&[("map", "a")], &["'map'", "JSON"]),
            (&[("list", "[1,\"a\"]")], &["'list'"]),
            (&[("list", "[1")], &["'list'", "not an integer"]),
            (&[("pair", "1")], &["'pair'", "length 1"]),
            (
                &[("pair", "1"), ("pair", "a"), ("pair", "b")],
                &["'pair'", "length 3"],
            ),
            (&[("pair", "[1,\"a\",2]")], &["'pair'", "length 3"]),
            (&[("lists", "1")], &["'lists'"]),
            (&[("shape", "Circle")], &["'shape'"]),
            (
                &[("shape", "Oval")],
                &["'shape'", "'Point', 'Circle', 'Box'"],
            ),
            (&[("shape", "{\"Oval\":1}")], &["'shape'", "Oval"]),
        ] {
            let refused = shown(&app, arguments).await.unwrap_err();
            for word in words {
                assert!(
                    refused.contains(word),
                    "{arguments:?}: {word} is not in {refused}"
                );
            }
        }
    }

    #[tokio::test]
    async fn a_json_body_and_a_query_have_one_key() {
        let app = app::<Given>();
        let json = "{\"filter\":{\"a\":1},\"list\":[],\"id\":12,\"shape\":{\"Circle\":3}}";
        let post = http::Request::post("/it").header("content-type", "application/json");
        let posted = answer(&app, post, json).await;
        let given = [
            ("filter", "{\"a\":1}"),
            ("list", "[]"),
            ("id", "12"),
            ("shape", "{\"Circle\":3}"),
        ];
        assert_eq!(posted, (200, shown(&app, &given).await.unwrap()));
    }

    #[test]
    fn the_kinds_say_what_is_to_be_written() {
        let program = shows::<Given>();
        let kinds = program.parameters().iter();
        let kinds: Vec<_> = kinds
            .map(|one| (one.name, &*one.kind, one.is_list, one.required))
            .collect();
        for expected in [
            ("filter", "JSON object", false, false),
            ("map", "JSON object", false, false),
            ("list", "integer", true, false),
            ("id", "text or JSON", false, false),
            ("shape", "Point, Circle, Box", false, false),
        ] {
            assert!(kinds.contains(&expected), "{expected:?} {kinds:?}");
        }
    }
}

mod keys {
    use super::*;

    fn lower<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text.to_lowercase())
    }

    fn rounded<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((number * 1000.0).round())
    }

    fn length<S: Serializer>(list: &[i64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(list.len() as u64)
    }

    fn is_small(number: &u64) -> bool {
        *number < 10
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Lower {
        #[serde(serialize_with = "lower")]
        text: String,
    }

    mod folding {
        use super::*;

        pub(super) fn serialize<S: Serializer>(
            text: &str,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(text.trim())
        }

        pub(super) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<String, D::Error> {
            String::deserialize(deserializer)
        }
    }

    mod seconds {
        use super::*;
        use std::time::Duration;

        pub(super) fn serialize<S: Serializer>(
            time: &Duration,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            serializer.serialize_u64(time.as_secs())
        }

        pub(super) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Duration, D::Error> {
            u64::deserialize(deserializer).map(Duration::from_secs)
        }
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Folded {
        #[serde(with = "folding")]
        word: String,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Rounded {
        x: i64,
        #[serde(serialize_with = "rounded", default)]
        ratio: f64,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Counted {
        #[serde(serialize_with = "length")]
        list: Vec<i64>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Small {
        #[serde(default, skip_serializing_if = "is_small")]
        number: u64,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Deep {
        filters: BTreeMap<String, Option<Inner>>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[expect(dead_code, reason = "it is to be left out")]
    struct Inner {
        a: i64,
        #[serde(skip_serializing, default)]
        secret: String,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Handmade {
        email: Email,
    }

    #[derive(Debug, Deserialize)]
    struct Email(String);

    impl Serialize for Email {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            lower(&self.0, serializer)
        }
    }

    #[test]
    fn a_program_whose_key_leaves_something_out_is_refused() {
        is_refused::<Lower>(&["'text'", "same key", "serialize_with"]);
        is_refused::<Folded>(&["'word'", "same key", "with"]);
        is_refused::<Rounded>(&["'ratio'", "same key"]);
        is_refused::<Counted>(&["'list'", "same key"]);
        is_refused::<Small>(&["'number'", "same key"]);
        is_refused::<Deep>(&["'filters'", "same key"]);
        is_refused::<Handmade>(&["'email'", "same key"]);
    }

    /// A field of a variant that is not the first, in an enum of every form.
    mod variants {
        use super::*;

        macro_rules! argument {
            ($($name:ident $(#[$form:meta])* { $($body:tt)* })*) => {
                $(#[derive(Debug, Serialize, Deserialize)]
                struct $name {
                    #[serde(default)]
                    x: i64,
                    by: shape::$name,
                    #[serde(default)]
                    y: Option<String>,
                })*

                mod shape {
                    use super::*;

                    $(#[derive(Debug, Serialize, Deserialize)]
                    $(#[$form])*
                    pub(super) enum $name { $($body)* })*
                }
            };
        }

        macro_rules! sound {
            ($($name:ident $(#[$form:meta])* { $($body:tt)* })*) => {
                $(#[derive(Debug, Serialize, Deserialize)]
                struct $name {
                    #[serde(default)]
                    x: i64,
                    by: sound::$name,
                    #[serde(default)]
                    more: Vec<sound::$name>,
                })*

                mod sound {
                    use super::*;

                    $(#[derive(Debug, Serialize, Deserialize)]
                    $(#[$form])*
                    pub(super) enum $name { $($body)* })*
                }
            };
        }

        argument! {
            LowerOutside { A, B { #[serde(serialize_with = "lower")] q: String } }
            SkippedOutside { A, C { #[serde(skip_serializing)] q: String } }
            TupleOutside { A, B(i64, #[serde(serialize_with = "lower")] String) }
            NewOutside { A, B(#[serde(serialize_with = "lower")] String) }
            LowerInside #[serde(tag = "k")] { A, B { #[serde(serialize_with = "lower")] q: String } }
            SkippedInside #[serde(tag = "k")] { A, B { n: i64 }, C { n: Option<bool>, #[serde(skip_serializing)] q: String } }
            DefaultInside #[serde(tag = "k")] { A, B { #[serde(serialize_with = "lower", default)] q: String } }
            LowerBeside #[serde(tag = "k", content = "c")] { A, B { #[serde(serialize_with = "lower")] q: String } }
            SkippedBeside #[serde(tag = "k", content = "c")] { A, C { #[serde(skip_serializing)] q: String } }
            TupleBeside #[serde(tag = "k", content = "c")] { A, B(i64, #[serde(serialize_with = "lower")] String) }
            LowerUntagged #[serde(untagged)] { A(i64), B { #[serde(serialize_with = "lower")] q: String } }
            SkippedUntagged #[serde(untagged)] { A { n: i64 }, C { r: Vec<i64>, #[serde(skip_serializing)] q: String } }
            TupleUntagged #[serde(untagged)] { A(i64), B(i64, #[serde(serialize_with = "lower")] String) }
            NestedOutside { A, B(Vec<LowerOutside>), C { c: Box<SkippedInside> } }
        }

        type Words = HashSet<String>;

        sound! {
            SetOutside { None, Some(Words) }
            SetDeep { None, Other { n: i64 }, Some { words: Option<Vec<Words>> } }
            SetInside #[serde(tag = "k")] { None, Some { words: Words } }
            SetBeside #[serde(tag = "k", content = "c")] { None, Some(Words) }
            SetUntagged #[serde(untagged)] { One { n: i64 }, Some { words: Words } }
            Outside { A, B { q: String, s: Sku, #[serde(deserialize_with = "trimmed")] w: String }, C(i64, Sku), D(Box<Self>) }
            Inside #[serde(tag = "k")] {
                #[serde(alias = "a")] A,
                B { q: String, s: Sku, #[serde(deserialize_with = "trimmed")] w: String, g: Grade, #[serde(serialize_with = "seconds::serialize", deserialize_with = "seconds::deserialize")] d: std::time::Duration },
                C { g: Option<Grade> },
            }
            Beside #[serde(tag = "k", content = "c")] { A, B { q: String, s: Sku }, C(i64, Sku), D(Grade) }
            Untagged #[serde(untagged)] { A { n: i64 }, B { q: String, s: Sku, g: Grade }, C(i64, Sku), D(Sku), E(Vec<Sku>), F(BTreeMap<String, Self>) }
        }

        #[test]
        fn a_variant_that_is_not_the_first_and_leaves_something_out_is_refused() {
            is_refused::<LowerOutside>(&["'by'", "same key"]);
            is_refused::<SkippedOutside>(&["'by'", "same key"]);
            is_refused::<NestedOutside>(&["'by'", "same key"]);
            is_refused::<LowerBeside>(&["'by'", "same key"]);
            is_refused::<SkippedBeside>(&["'by'", "same key"]);
        }

        #[test]
        fn so_is_one_that_is_a_tuple() {
            is_refused::<TupleOutside>(&["'by'", "same key"]);
            is_refused::<NewOutside>(&["'by'", "same key"]);
            is_refused::<TupleBeside>(&["'by'", "same key"]);
            is_refused::<TupleUntagged>(&["'by'", "same key"]);
        }

        #[test]
        fn so_is_one_with_its_tag_inside() {
            is_refused::<LowerInside>(&["'by'", "same key"]);
            is_refused::<SkippedInside>(&["'by'", "same key"]);
            is_refused::<DefaultInside>(&["'by'", "same key"]);
        }

        #[test]
        fn so_is_one_without_a_tag() {
            is_refused::<LowerUntagged>(&["'by'", "same key"]);
            is_refused::<SkippedUntagged>(&["'by'", "same key"]);
        }

        #[test]
        fn a_set_in_a_variant_that_is_not_the_first_is_refused() {
            is_refused::<SetOutside>(&["BTreeSet"]);
            is_refused::<SetDeep>(&["BTreeSet"]);
            is_refused::<SetInside>(&["BTreeSet"]);
            is_refused::<SetBeside>(&["BTreeSet"]);
            is_refused::<SetUntagged>(&["BTreeSet"]);
        }

        #[test]
        fn variants_that_are_written_in_full_are_accepted() {
            assert_eq!(check::<Outside>(), Ok(()));
            assert_eq!(check::<Inside>(), Ok(()));
            assert_eq!(check::<Beside>(), Ok(()));
            assert_eq!(check::<Untagged>(), Ok(()));
        }
    }

    /// Code of the application that does not expect every value.
    #[derive(Debug, Serialize, Deserialize)]
    struct Panicking {
        #[serde(deserialize_with = "third", serialize_with = "second")]
        text: String,
    }

    fn third<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        let text = String::deserialize(deserializer)?;
        assert!(text.len() > 2, "a panic of the application, on purpose");
        Ok(text)
    }

    fn second<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(
            !text.contains('2'),
            "a panic of the application, on purpose"
        );
        serializer.serialize_str(text)
    }

    #[test]
    fn a_panic_over_a_sample_is_none_of_the_start() {
        assert_eq!(check::<Panicking>(), Ok(()));
    }

    /// Reads what it is given in another form, and writes the form that it keeps.
    #[derive(Debug, Serialize)]
    struct Sku(String);

    impl<'de> Deserialize<'de> for Sku {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Ok(Self(String::deserialize(deserializer)?.to_uppercase()))
        }
    }

    fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        Ok(String::deserialize(deserializer)?.trim().to_lowercase())
    }

    fn or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or_default())
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Sound {
        sku: Sku,
        others: Option<Vec<Sku>>,
        #[serde(deserialize_with = "trimmed", default)]
        word: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        month: Option<u8>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<String>,
        at: Option<std::net::IpAddr>,
        after: Option<std::time::Duration>,
        grade: Option<Grade>,
        ratio: Option<f32>,
        #[serde(deserialize_with = "or_default", default)]
        flag: bool,
        #[serde(with = "seconds", default)]
        wait: std::time::Duration,
        boxed: Option<Box<Tree>>,
        bytes: Option<[u8; 3]>,
        nothing: Option<()>,
        one: Option<One>,
        #[serde(skip)]
        #[expect(dead_code, reason = "it is left out on both sides")]
        cached: Option<String>,
        #[serde(skip_deserializing)]
        constant: u8,
    }

    #[derive(Debug, Serialize, Deserialize)]
    enum Grade {
        #[serde(alias = "A", alias = "top")]
        Best,
        #[serde(rename = "b")]
        Good,
        #[serde(other)]
        Other,
    }

    #[derive(Debug, Serialize, Deserialize)]
    enum One {
        Only,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Tree {
        #[serde(alias = "v")]
        value: i64,
        children: Vec<Self>,
        parent: Option<Box<Self>>,
    }

    #[tokio::test]
    async fn a_type_that_reads_many_forms_has_one_key_for_them() {
        assert_eq!(check::<Sound>(), Ok(()));
        let app = app::<Sound>();
        for (sku, grade) in [("ab", "Best"), ("AB", "A"), ("aB", "top")] {
            let shown = shown(&app, &[("sku", sku), ("grade", grade), ("word", " a")])
                .await
                .unwrap();
            assert!(
                shown.contains("Sku(\"AB\")") && shown.contains("Best"),
                "{shown}"
            );
        }
        assert_eq!(
            app.shared_cache().counts().computed,
            2,
            "{} keys",
            "one for text/plain, one for text/cmd"
        );
        let shown = shown(&app, &[("sku", "a"), ("grade", "something else")])
            .await
            .unwrap();
        assert!(shown.contains("Some(Other)"), "{shown}");
    }
}

mod attributes {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Aliased {
        #[serde(alias = "q", alias = "Search")]
        query_text: String,
        #[serde(alias = "a", alias = "zz", default)]
        page_size: u8,
        #[serde(rename = "sort-by", alias = "order")]
        sort: Option<String>,
        #[serde(alias = "role", default)]
        roles: Vec<String>,
    }

    #[tokio::test]
    async fn an_alias_is_another_name_of_one_parameter() {
        assert_eq!(check::<Aliased>(), Ok(()));
        let program = shows::<Aliased>();
        let parameters = program.parameters().iter();
        let parameters: Vec<_> = parameters
            .map(|one| {
                (
                    one.name,
                    one.aliases.clone(),
                    one.required,
                    one.default.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            parameters,
            [
                ("queryText", vec!["Search", "q"], true, None),
                ("pageSize", vec!["a", "zz"], false, Some("0")),
                ("sort-by", vec!["order"], false, None),
                ("roles", vec!["role"], false, Some("[]")),
            ]
        );
        let app = app::<Aliased>();
        let expected = shown(
            &app,
            &[("queryText", "x"), ("pageSize", "5"), ("sort-by", "y")],
        )
        .await;
        let same = shown(&app, &[("q", "x"), ("zz", "5"), ("order", "y")]).await;
        assert_eq!(expected, same);
        for target in ["/it/x/5/y", "/it/x/y?a=5", "/it/5/y?Search=x"] {
            let (status, page) = answer(&app, http::Request::get(target), "").await;
            assert_eq!((status, Ok(page)), (200, expected.clone()), "{target}");
        }
        let twice = shown(&app, &[("q", "x"), ("queryText", "y")])
            .await
            .unwrap_err();
        assert!(
            twice.contains("'queryText'") && twice.contains("one name"),
            "{twice}"
        );
    }

    /// What middleware sets is not what a client adds under another name.
    #[tokio::test]
    async fn an_alias_adds_nothing_to_what_middleware_sets() {
        let guarded = shows::<Aliased>().input_middleware(|request: &mut Request<'_>| {
            request.set("roles", "reader");
            Ok(())
        });
        let app = App::new(Manifest::new([("it", guarded)]));
        let refused = shown(&app, &[("q", "x"), ("role", "admin")])
            .await
            .unwrap_err();
        assert!(refused.contains("'roles'"), "{refused}");
        let page = shown(&app, &[("q", "x"), ("roles", "admin")])
            .await
            .unwrap();
        assert!(page.contains("roles: [\"reader\"]"), "{page}");
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Flat {
        x: i64,
        #[serde(flatten)]
        page: Page,
    }

    #[derive(Debug, Serialize, Deserialize)]
    struct Page {
        offset: u64,
    }

    #[derive(Debug, Serialize, Deserialize)]
    enum Enum {
        A { x: i64 },
    }

    #[test]
    fn what_hides_the_names_of_the_parameters_is_refused_by_its_name() {
        is_refused::<Flat>(&["#[serde(flatten)]", "one argument"]);
        is_refused::<HashMap<String, String>>(&["one struct", "HashMap"]);
        is_refused::<Enum>(&["one struct", "Enum"]);
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Strict {
        x: i64,
        #[serde(alias = "why")]
        y: i64,
    }

    impl Default for Strict {
        fn default() -> Self {
            Self { x: 4, y: 5 }
        }
    }

    #[tokio::test]
    async fn a_struct_that_denies_unknown_fields_does_so_over_http_too() {
        let app = app::<Strict>();
        app.check().unwrap();
        assert_eq!(
            shown(&app, &[("why", "1")]).await.unwrap(),
            "Strict { x: 4, y: 1 }"
        );
        let refused = shown(&app, &[("x", "1"), ("z", "2")]).await.unwrap_err();
        assert!(
            refused.contains("'z'") && refused.contains("no such argument"),
            "{refused}"
        );
        let json = http::Request::post("/it").header("content-type", "application/json");
        assert_eq!(answer(&app, json, "{\"z\":1}").await.0, 400);
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(transparent)]
    struct Transparent {
        inner: Strict,
    }

    #[derive(Debug, Serialize, Deserialize)]
    #[serde(tag = "type")]
    struct Tagged {
        x: i64,
    }

    #[tokio::test]
    async fn a_struct_in_another_form_is_still_a_struct() {
        let names = |program: Program| -> Vec<&str> {
            program.parameters().iter().map(|one| one.name).collect()
        };
        assert_eq!(names(shows::<Transparent>()), ["x", "y"]);
        let page = shown(&app::<Transparent>(), &[("x", "1")]).await.unwrap();
        assert!(page.contains("x: 1, y: 5"), "{page}");
        assert_eq!(names(shows::<Tagged>()), ["x"]);
        assert_eq!(
            shown(&app::<Tagged>(), &[("x", "1")]).await.unwrap(),
            "Tagged { x: 1 }"
        );
    }
}
