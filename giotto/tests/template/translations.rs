//! Messages in the language of a page, which is its argument `lang`.

use std::sync::{Arc, Mutex};

use giotto::Request;
use giotto::prelude::*;

use super::{folder, invoke, library, refused, text};

const ENGLISH: &str = "greeting = 'Hello {name}'\nonly = 'Only here'\nbrace = '{{x}}'\nbold_html = '<b>{name}</b>'\n[nav]\nhome = 'Home'";
const GERMAN: &str = "greeting = '{name}, hallo'\nbrace = '{{y}}'\nbold_html = '<i>{name}</i>'\n[nav]\nhome = 'Start'";

fn templates(folder: &tempfile::TempDir) -> Templates {
    Templates::new(folder.path()).translations(folder.path(), ["en", "de"])
}

fn files(page: &str) -> tempfile::TempDir {
    folder(&[
        ("page.html", page),
        ("en.toml", ENGLISH),
        ("de.toml", GERMAN),
    ])
}

#[tokio::test]
async fn the_language_is_the_argument_of_the_page() {
    let folder = files(
        "{{ lang }}: {{ t('greeting', name='<'~data.title) }} {{ t('nav.home') }} {{ t('brace') }} {{ t(key='only') if false else t('o' ~ 'nly') }} \
         {{ t('bold_html', name=data.title) }} {{ t('bold_html', name='<u>'|safe) }}",
    );
    let app = library(templates(&folder));
    app.check().unwrap();
    let title = "The &lt;b&gt;Silver&lt;/b&gt; Key";
    let english = format!("en: Hello &lt;{title} Home {{x}} Only here <b>{title}</b> <b><u></b>");
    let german = format!("de: &lt;{title}, hallo Start {{y}} Only here <i>{title}</i> <i><u></i>");
    for (language, expected) in [
        (None, &english),
        (Some("en"), &english),
        (Some("de"), &german),
        (Some("DE"), &german),
        (Some("fr"), &english),
        (Some("../de"), &english),
    ] {
        let given: Vec<_> = language
            .map(|language| ("lang", language))
            .into_iter()
            .collect();
        let page = invoke(&app, &[&[("id", "7")][..], &given].concat())
            .await
            .unwrap();
        assert_eq!(text(&page), *expected, "{language:?}");
    }
}

#[tokio::test]
async fn an_error_page_is_in_the_language_of_its_reader() {
    let folder = files("{{ lang }} {{ t('nav.home') }}");
    let view = View::new().html(template("page.html"));
    let app = App::new(Manifest::default()).templates(templates(&folder));
    let service = app.error_pages(view).into_service().unwrap();
    for (address, accepted, status, expected) in [
        ("/", "", 404, "en Home"),
        ("/", "fr, de-AT;q=0.5", 404, "de Start"),
        ("/?lang=de", "", 404, "de Start"),
        ("/?lang=de&x=%ff", "en", 400, "de Start"),
        ("/?x=%ff&lang=de", "en", 400, "en Home"),
        ("/a?lang=en", "de", 404, "en Home"),
        ("/a?lang=fr", "de", 404, "de Start"),
        ("/a?lang=", "de", 404, "de Start"),
    ] {
        let mut client = giotto::testing::Client::new(service.clone());
        if !accepted.is_empty() {
            client = client.field("accept-language", accepted);
        }
        let client = client.field("accept", "text/html");
        let reply = { client }.get(address).await;
        let shown = (reply.status(), reply.text());
        assert_eq!(shown, (status, expected), "{address} {accepted}");
    }
}

#[test]
fn a_message_that_is_missing_is_found_at_the_start() {
    for (page, expected) in [
        (
            "\n{{ t('greting') }}",
            "page.html:2: there is no message \"greting\"; did you mean 'greeting'?",
        ),
        (
            "{{ t('new.key') }}",
            "page.html:1: there is no message \"new.key\"; add it to F/en.toml",
        ),
        (
            "{{ t('only') }}",
            "page.html:1: the language 'de' has no message 'only': add it to F/de.toml",
        ),
    ] {
        let folder = files(page);
        let problem = refused(&folder, templates(&folder));
        assert_eq!(problem, format!("program 'book': F/{expected}"), "{page}");
    }
}

#[test]
fn a_file_that_is_no_list_of_messages_is_refused() {
    for (english, expected) in [
        ("x = 1", "'x' is no text: write it in quotes"),
        (
            "x = '{'",
            "the message 'x' has a brace that is no placeholder: write {name}, and {{ or }} for a brace",
        ),
        ("x", "TOML parse error"),
    ] {
        let folder = folder(&[("page.html", "{{ t('x') }}"), ("en.toml", english)]);
        let templates = Templates::new(folder.path()).translations(folder.path(), ["en"]);
        let problem = refused(&folder, templates);
        assert!(problem.contains(expected), "{english} {problem}");
        assert!(problem.contains("F/en.toml"), "{problem}");
    }
}

#[tokio::test]
async fn a_placeholder_that_is_not_given_is_an_error() {
    for (page, expected) in [
        (
            "{{ t('greeting') }}",
            "t(\"greeting\"): the message has the placeholder {name}: give it name=..",
        ),
        (
            "{{ t('greeting', name=data.nam) }}",
            "t(\"greeting\"): the argument 'name' is undefined",
        ),
        ("{{ t('no' ~ 'ne') }}", "there is no message \"none\""),
    ] {
        let folder = files(page);
        let problem = invoke(&library(templates(&folder)), &[("id", "7")])
            .await
            .unwrap_err();
        assert!(problem.to_string().contains(expected), "{page} {problem}");
    }
}

/// Greets in a language.
#[model]
async fn greet(lang: String) -> String {
    lang
}

fn greeting(folder: &tempfile::TempDir) -> App {
    let by_reader = |request: &mut Request<'_>| {
        let language = request.language(&["en", "de"]);
        request.set("lang", language);
        Ok(())
    };
    let program = Program::new(greet)
        .cache(60)
        .input_middleware(by_reader)
        .view(View::new().html(template("page.html")));
    App::new(Manifest::new([("greet", program)]))
        .templates(templates(folder))
        .cache(LocMemKeyValue::new())
}

#[tokio::test]
async fn two_languages_never_share_a_stored_page() {
    let folder = files("{{ lang }} {{ t('nav.home') }}");
    let app = greeting(&folder);
    for (language, expected) in [
        ("de", "de Start"),
        ("en", "en Home"),
        ("fr", "en Home"),
        ("de", "de Start"),
    ] {
        let mut fields = http::HeaderMap::new();
        fields.insert("accept-language", http::HeaderValue::from_static(language));
        let mut request = Request::new(HTTP_GET, "greet").metadata(&fields);
        let page = app.invoke(&mut request).await.unwrap();
        assert_eq!(text(&page), expected, "{language}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_computed_key_that_a_language_lacks_is_one_line_in_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let folder = files("{% for _ in range(20) %}{{ t('on' ~ 'ly') }}{% endfor %}");
    let mut fields = http::HeaderMap::new();
    fields.insert("accept-language", http::HeaderValue::from_static("de"));
    let mut request = Request::new(HTTP_GET, "greet").metadata(&fields);
    let page = greeting(&folder).invoke(&mut request).await.unwrap();
    assert_eq!(text(&page), "Only here".repeat(20));
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains("message missing"))
        .collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("language=\"de\" key=\"only\""), "{log}");
}
