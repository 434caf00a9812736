//! What is escaped follows the media type, never the name; and `errors` is there before anything is refused.

use bytes::Bytes;
use giotto::Request;
use giotto::prelude::*;
use http_body_util::{BodyExt, Empty};
use tower_service::Service as _;

use super::{echo, folder, text};

const MARKUP: &str = r#""><script>alert('a&b')</script>"#;

/// The page of `mimetype`, rendered by the template `name` with `told` as its data.
async fn page(folder: &tempfile::TempDir, name: &str, mimetype: &str, told: &str) -> String {
    let view = View::new().renders(mimetype, template(name).folder(folder.path()));
    let app = App::new(Manifest::new([("echo", Program::new(echo).view(view))]));
    let mut request = Request::new(HTTP_GET, "echo");
    request.set("text", told.to_owned());
    let page = app.invoke(&mut request).await.unwrap();
    assert_eq!(page.mime().essence(), mimetype);
    text(&page)
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

/// Every way in which a value reaches a page. `{PART}` is the name of the template itself.
const WAYS: &str = "{% extends 'base' %}{% from 'macros' import show, wrap %}{% import 'macros' as m %}\
    {% set kept %}{{ data }}{% endset %}\
    {% block body %}{{ super() }}
    {{ data }} {{ data ~ data }} {{ data|upper }} {{ data|twice }} {{ [data]|join(data) }} {{ data|replace('a', data) }}
    {{ global }} {{ shout(data) }} {{ shout(global) }} {{ url_for('echo', text=data) }} {{ errors.text.value }}
    {{ show(data) }} {{ m.show(data) }} {% call wrap() %}{{ data }}{% endcall %} {% filter trim %}{{ data }}{% endfilter %}
    {{ kept }} {{ t('greeting', name=data) }} {{ t('markup_html', name=data) }} {{ t('markup_html', name=data|upper) }}
    {{ {'a': data} }} {{ [data] }} {{ {data: 1} }} {{ data|items|list if false else data|list }} {{ data|default(data) }}
    {% include 'part' %} {% for letter in [data] %}{{ letter }}{% include 'part' %}{% endfor %}
    {{ show(data)|replace('&', data) }} {{ show(data) ~ data }} {{ [show(data), data]|join(data) }} {{ kept|replace('&lt;', data) }}
    {{ kept|upper }} {{ kept|indent }} {{ kept|trim }} {{ kept|list|join }} {{ kept|list|join(data) }} {{ kept|twice }}
    {{ '%s'|safe|format(data) }} {{ kept|default(data) }} {{ kept[5:] }} {{ kept|title }} {{ kept|string }} {{ kept|reverse }}
    {{ data|urlencode }} {{ data|pprint }} {{ shout(kept) }} {{ kept|first }}
    {{ [kept, data]|first|replace('t', data) }} {{ kept|split('&')|join('<') }} {{ kept|batch(2)|list }} {{ {kept: data}|dictsort }}
    {% with text = data %}{{ text }}{% endwith %} {{ '%s'|format(data) }} {{ data|indent }} {{ (data,) }}{% endblock %}";

#[tokio::test]
async fn no_pair_of_name_and_media_type_gives_an_unescaped_html_page() {
    const NAMES: [&str; 14] = [
        "a.html",
        "a.htm",
        "a.txt",
        "a.json",
        "a.js",
        "a.yaml",
        "a.svg",
        "a.xml",
        "a.md",
        "a.jinja",
        "a.html.j2",
        "a.txt.j2",
        "a",
        "html/a.none",
    ];
    const MARKUP_TYPES: [&str; 12] = [
        "text/html",
        "application/xhtml+xml",
        "image/svg+xml",
        "text/xml",
        "application/xml",
        "application/atom+xml",
        "application/mathml+xml",
        "application/vnd.wap.xhtml+xml",
        "text/xsl",
        "text/x-server-parsed-html",
        "unknown/unknown",
        "application/unknown",
    ];
    let locales = folder(&[(
        "en.toml",
        "greeting = 'Hello <i>{name}</i>'\nmarkup_html = '[{name}]'",
    )]);
    let files = folder(&[
        ("base", "{% block body %}{{ data }}{% endblock %}"),
        ("part", "{{ data }}{{ global }}{{ errors.text.message }}"),
        (
            "macros",
            "{% macro show(text) %}{{ text }}{% endmacro %}{% macro wrap() %}{{ caller() }}{% endmacro %}",
        ),
    ]);
    let mut pairs = 0;
    for name in NAMES {
        super::write(files.path(), &[(name, WAYS)]);
        for mimetype in MARKUP_TYPES {
            let templates = Templates::new(files.path())
                .global("global", MARKUP)
                .filter("twice", |text: String| text.repeat(2))
                .function("shout", |text: String| text + "<b>")
                .translations(locales.path(), ["en"]);
            let view = View::new().renders(mimetype, template(name));
            let manifest = Manifest::new([("echo", Program::new(echo).view(view))]);
            let app = App::new(manifest).templates(templates);
            app.check().unwrap();
            let mut request = Request::new(HTTP_GET, "echo");
            request.set("text", MARKUP);
            let page = text(&app.invoke(&mut request).await.unwrap());
            assert!(
                !page.contains(['<', '>', '"', '\'']),
                "{name} {mimetype} {page}"
            );
            assert!(
                page.matches("&lt;").count() > 30,
                "{name} {mimetype} {page}"
            );
            pairs += 1;
        }
    }
    assert!(pairs >= 100);
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
