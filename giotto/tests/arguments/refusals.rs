//! Everything that is wrong with the arguments, told at once, and arguments given in parts.

use giotto::Refusal;

use super::*;

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    #[serde(alias = "amount")]
    count: u8,
    price: f64,
    size: Size,
    day: Day,
    note: String,
    gift: bool,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    until: Option<Day>,
    #[serde(default)]
    remark: Option<String>,
    #[serde(default)]
    numbers: Vec<i16>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Size {
    Small,
    Large,
}

/// A date, as an application or a library writes one.
#[derive(Debug, Serialize)]
struct Day(String);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parts: Vec<_> = text.split('-').map(str::len).collect();
        match parts == [4, 2, 2] {
            true => Ok(Self(text)),
            false => Err(serde::de::Error::custom("a day is written 2026-11-26")),
        }
    }
}

const RIGHT: [(&str, &str); 6] = [
    ("count", "3"),
    ("price", "1.5"),
    ("size", "small"),
    ("day", "2026-11-26"),
    ("note", ""),
    ("gift", "on"),
];

/// The refused fields: their names, values and kinds.
async fn refused<A>(given: Given<'_>) -> Vec<(String, String, &'static str)>
where
    A: DeserializeOwned + Serialize + Debug + Send + 'static,
{
    let app = app::<A>();
    let request = Request::new(HTTP_GET, "it");
    let mut request = given.iter().fold(request, |request, (name, value)| {
        request.argument(name, *value)
    });
    let error = app.invoke(&mut request).await.unwrap_err();
    let fields = error.invalid_input().fields().iter();
    let told = |field: &giotto::Field| {
        (
            field.name().to_owned(),
            field.value().to_owned(),
            field.refusal().kind(),
        )
    };
    fields.map(told).collect()
}

fn told<'t>(told: &'t [(String, String, &'static str)]) -> Vec<(&'t str, &'t str, &'t str)> {
    told.iter()
        .map(|(name, value, kind)| (name.as_str(), value.as_str(), *kind))
        .collect()
}

#[tokio::test]
async fn every_wrong_argument_is_told_in_declared_order() {
    let wrong = [
        ("numbers", "7"),
        ("numbers", "x"),
        ("gift", "maybe"),
        ("day", "tomorrow"),
        ("limit", "much"),
        ("size", "huge"),
        ("amount", "300"),
    ];
    let expected = [
        ("count", "300", "out_of_range"),
        ("price", "", "missing"),
        ("size", "huge", "not_one_of"),
        ("day", "tomorrow", "other"),
        ("note", "", "missing"),
        ("gift", "maybe", "not_true_or_false"),
        ("limit", "much", "not_an_integer"),
        ("numbers", "x", "not_an_integer"),
    ];
    assert_eq!(told(&refused::<Order>(&wrong).await), expected);
    let app = app::<Order>();
    let refusal = shown(&app, &wrong).await.unwrap_err();
    for message in [
        "argument 'count': \"300\" is not an integer from 0 to 255; argument 'price': it is missing: add price=VALUE",
        "argument 'size': \"huge\" is not one of 'small', 'large'; argument 'day': a day is written 2026-11-26;",
    ] {
        assert!(refusal.contains(message), "{refusal}");
    }
}

#[tokio::test]
async fn nothing_but_what_is_wrong_is_told() {
    let app = app::<Order>();
    assert!(shown(&app, &RIGHT).await.is_ok());
    for at in 0..RIGHT.len() {
        let mut given = RIGHT.to_vec();
        let (name, _) = given.remove(at);
        assert_eq!(
            told(&refused::<Order>(&given).await),
            [(name, "", "missing")]
        );
    }
    let twice = [&RIGHT[..], &[("count", "4")]].concat();
    assert_eq!(
        told(&refused::<Order>(&twice).await),
        [("count", "3", "repeated")]
    );
    let twice = [&RIGHT[..], &[("amount", "4"), ("limit", "x")]].concat();
    let expected = [("count", "4", "repeated"), ("limit", "x", "not_an_integer")];
    assert_eq!(told(&refused::<Order>(&twice).await), expected);
    assert_eq!(
        Refusal::OutOfRange {
            least: 0,
            most: 255
        }
        .words()
        .as_deref(),
        Some("enter a whole number from 0 to 255")
    );
}

#[tokio::test]
async fn an_empty_text_is_nothing_where_it_is_no_value() {
    let empty = [("limit", ""), ("until", ""), ("remark", "")];
    let given = [&RIGHT[..], &empty].concat();
    let given = Vec::leak(given);
    let shown = shown(&app::<Order>(), given).await.unwrap();
    assert!(
        shown.contains("limit: None, until: None, remark: Some(\"\")"),
        "{shown}"
    );
    let nothing = key::<Order>(&RIGHT).await;
    let expected = nothing.replace("'remark': None", "'remark': ''");
    assert_eq!(
        key::<Order>(given).await,
        expected,
        "the key of what is not given"
    );
    let mut given = RIGHT;
    for (at, name) in [(0, "count"), (1, "price"), (2, "size"), (3, "day")] {
        given[at] = (name, "");
        let refused = refused::<Order>(&given).await;
        assert_eq!(refused.len(), at + 1);
        assert_eq!(told(&refused)[at], (name, "", "missing"));
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Person {
    #[serde(alias = "address")]
    home: Address,
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    ages: BTreeMap<String, u8>,
    #[serde(default)]
    x: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Address {
    city: String,
    zip: Option<u32>,
    #[serde(default)]
    at: Option<Place>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Place {
    x: f64,
    y: f64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Item {
    name: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    count: u8,
}

#[tokio::test]
async fn parts_are_what_json_is() {
    let whole = [
        ("home", r#"{"city":"Rome","zip":120,"at":{"x":1.5,"y":-2}}"#),
        (
            "items",
            r#"[{"name":"a","count":2},{"name":"b","tags":["x","y"]}]"#,
        ),
        ("ages", r#"{"ada":36,"bob":7}"#),
    ];
    let parts = [
        ("items.10.tags", "x"),
        ("home.zip", "120"),
        ("home.at.y", "-2"),
        ("items.9.count", "2"),
        ("ages.bob", "7"),
        ("items.10.name", "b"),
        ("home.city", "Rome"),
        ("items.10.tags", "y"),
        ("ages.ada", "36"),
        ("home.at.x", "1.5"),
        ("items.9.name", "a"),
    ];
    let app = app::<Person>();
    let shown_whole = shown(&app, &whole).await.unwrap();
    assert_eq!(shown(&app, &parts).await.unwrap(), shown_whole);
    assert_eq!(key::<Person>(&parts).await, key::<Person>(&whole).await);
    differ::<Person>(&[
        &[("home.city", "Rome")],
        &[("home.city", "Rome"), ("home.zip", "0")],
        &[
            ("home.city", "Rome"),
            ("home.at.x", "0"),
            ("home.at.y", "0"),
        ],
        &[("home.city", "Rome"), ("ages.a", "0")],
        &[("home.city", "Rome"), ("ages.b", "0")],
        &[("home.city", "Rome"), ("items.0.name", "")],
    ])
    .await;
}

#[tokio::test]
async fn every_wrong_part_is_told_by_its_path() {
    let wrong = [
        ("home.zip", "x"),
        ("home.at.x", "left"),
        ("home.at.y", "1"),
        ("items.0.name", "a"),
        ("items.0.count", "many"),
        ("items.1.count", "300"),
        ("items.2.name", "c"),
        ("ages.ada", "old"),
        ("ages.bob", "7"),
        ("x", "y"),
    ];
    let expected = [
        ("home.zip", "x", "not_an_integer"),
        ("home.at.x", "left", "not_a_number"),
        ("items.0.count", "many", "not_an_integer"),
        ("items.1.count", "300", "out_of_range"),
        ("ages.ada", "old", "not_an_integer"),
        ("x", "y", "not_an_integer"),
    ];
    let refused = refused::<Person>(&wrong).await;
    let mut told = told(&refused);
    // The struct that a wrong part belongs to also lacks these.
    told.retain(|(name, _, kind)| {
        *kind != "missing" || !["home.city", "items.1.name"].contains(name)
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn parts_and_a_whole_are_never_mixed() {
    for (given, name, kind) in [
        (
            &[("home", "{}"), ("home.city", "Rome")][..],
            "home",
            "repeated",
        ),
        (
            &[("home.city", "Rome"), ("address.zip", "1")],
            "home",
            "repeated",
        ),
        (
            &[("home.city", "Rome"), ("home.city", "Oslo")],
            "home.city",
            "repeated",
        ),
        (
            &[("home.city", "Rome"), ("home.city.x", "Oslo")],
            "home.city",
            "repeated",
        ),
        (&[("home.city.x", "Oslo")], "home.city", "other"),
        (
            &[("home.city", "Rome"), ("items.a.name", "x")],
            "items",
            "other",
        ),
    ] {
        let refused = refused::<Person>(given).await;
        assert_eq!(told(&refused)[0].0, name, "{given:?} {refused:?}");
        assert_eq!(told(&refused)[0].2, kind, "{given:?} {refused:?}");
    }
    // Without parts, a name with a dot is no argument.
    let city = ("home.city", "Rome");
    assert_eq!(
        shown(&app::<Person>(), &[city]).await.unwrap(),
        page(&app::<Person>(), &[city, ("x.y", "1")]).await
    );
}

#[tokio::test]
async fn what_is_hostile_is_refused_and_soon() {
    let app = app::<Person>();
    let deep = format!("home.{}", "a.".repeat(100_000));
    let many: Vec<_> = (0..900).map(|at| format!("items.{at}.count")).collect();
    let mut forms = vec![format!("{deep}=1")];
    forms.push(many.iter().map(|name| format!("{name}=x&")).collect());
    forms.push(
        many.iter()
            .map(|name| format!("{name}=&home.zip={at}", at = "1".repeat(50)))
            .collect(),
    );
    for form in forms {
        let request = http::Request::post("/it");
        let (status, body) = answer(&app, request, Box::leak(form.into_boxed_str())).await;
        assert_eq!(status, 400);
        assert!(body.matches("argument '").count() <= 101, "{}", body.len());
    }
}
