//! Arguments with parts, written as JSON.

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
