//! Views that are templates: what is escaped follows the media type, and `errors` is there before anything is refused.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use bytes::Bytes;
use giotto::Request;
use giotto::prelude::*;
use http_body_util::{BodyExt, Empty};
use tower_service::Service as _;

const MARKUP: &str = r#""><script>alert('a&b')</script>"#;

/// Says what it was told.
#[model]
fn echo(text: String) -> String {
    text
}

/// A folder with the templates `files`: their names and what is in them.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The page of `mimetype`, rendered by the template `name` with `text` as its data.
async fn page(folder: &tempfile::TempDir, name: &str, mimetype: &str, text: &str) -> String {
    let view = View::new().renders(mimetype, template(name).folder(folder.path()));
    let app = App::new(Manifest::new([("echo", Program::new(echo).view(view))]));
    let mut request = Request::new(HTTP_GET, "echo");
    request.set("text", text.to_owned());
    let page = app.invoke(&mut request).await.unwrap();
    assert_eq!(page.mime().essence(), mimetype);
    String::from_utf8(page.body().to_vec()).unwrap()
}

#[tokio::test]
async fn what_is_escaped_follows_the_media_type_and_never_the_name() {
    const NAMES: [&str; 8] = [
        "who.jinja",
        "who.tpl",
        "who.html.tera",
        "who.html",
        "who.txt",
        "who.json",
        "who.svg",
        "who",
    ];
    let folder = folder(&NAMES.map(|name| (name, "{{ data }}")));
    for name in NAMES {
        for markup in [
            "text/html",
            "application/xhtml+xml",
            "image/svg+xml",
            "text/xml",
            "application/xml",
            "application/rss+xml",
            "application/vnd.example.x+xml",
        ] {
            let page = page(&folder, name, markup, MARKUP).await;
            assert!(
                !page.contains(['<', '>', '"', '\'']),
                "{name} {markup} {page}"
            );
            assert!(page.contains("&lt;script&gt;"), "{name} {markup} {page}");
        }
        for text in [
            "text/plain",
            "text/cmd",
            "text/csv",
            "text/css",
            "text/markdown",
        ] {
            assert_eq!(
                page(&folder, name, text, MARKUP).await,
                MARKUP,
                "{name} {text}"
            );
        }
        for json in ["application/json", "application/ld+json", "text/javascript"] {
            let page = page(&folder, name, json, MARKUP).await;
            let value: String = serde_json::from_str(&page).unwrap();
            assert_eq!(value, MARKUP, "{name} {json}");
        }
    }
}

#[tokio::test]
async fn templates_that_are_included_or_extended_escape_alike() {
    let folder = folder(&[
        ("base.txt", "{% block body %}{% endblock %}"),
        ("part.jinja", "{{ data }}"),
        (
            "macro.tpl",
            "{% macro show(text) %}{{ text }}{% endmacro %}",
        ),
        (
            "page.txt",
            "{% extends 'base.txt' %}{% from 'macro.tpl' import show %}\
             {% block body %}{{ data }} {% include 'part.jinja' %} {{ show(data) }}{% endblock %}",
        ),
    ]);
    let html = page(&folder, "page.txt", "text/html", "<b>").await;
    assert_eq!(html, "&lt;b&gt; &lt;b&gt; &lt;b&gt;");
    let text = page(&folder, "page.txt", "text/plain", "<b>").await;
    assert_eq!(text, "<b> <b> <b>");
}

#[tokio::test]
async fn json_in_a_script_of_a_page_does_not_end_it() {
    let folder = folder(&[("page.tpl", "<script>const x = {{ data|tojson }}</script>")]);
    let page = page(&folder, "page.tpl", "text/html", "</script><b>").await;
    let value = page.strip_prefix("<script>const x = ").unwrap();
    let value = value.strip_suffix("</script>").unwrap();
    assert!(!value.contains('<'), "{page}");
    assert_eq!(
        serde_json::from_str::<String>(value).unwrap(),
        "</script><b>"
    );
}

#[tokio::test]
async fn a_template_may_name_an_error_that_is_not_there() {
    let folder = folder(&[(
        "form.html",
        "[{{ errors.email.message }}{% if errors.email is defined %} ({{ errors.email.value }}){% endif %}]",
    )]);
    let view = || View::new().html(template("form.html").folder(folder.path()));
    let refuses = |_: Refused| -> Result<String, InvalidInput> {
        Err(InvalidInput::new().field("email", "<x>", "it has no @"))
    };
    let form = Program::new(|_: Refused| String::new());
    let manifest = Manifest::new([(
        "form",
        [
            form.controllers([HTTP_GET]).view(view()),
            Program::new(refuses).controllers([HTTP_POST]).view(view()),
        ],
    )]);
    let mut service = manifest.into_service().unwrap();
    let mut body = async |method: &str| {
        let request = http::Request::builder().method(method).uri("/form.html");
        let request = request.body(Empty::<Bytes>::new()).unwrap();
        let response = service.call(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    };
    assert_eq!(body("GET").await, "[]");
    assert_eq!(body("POST").await, "[it has no @ (&lt;x&gt;)]");
}

#[derive(Serialize, Deserialize)]
struct Refused {}
