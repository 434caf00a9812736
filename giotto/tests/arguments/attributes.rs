//! Attributes of serde on the struct of the arguments.

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
