//! The addresses of static files in templates.

use std::fs;

use giotto::prelude::*;
use giotto::{Assets, Service};

use crate::{X, get};

fn page(template: &str, static_files: bool) -> (tempfile::TempDir, Service) {
    let (folder, app) = app(template, static_files);
    (folder, app.into_service().unwrap().debug(true))
}

fn app(template: &str, static_files: bool) -> (tempfile::TempDir, App) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("templates/page.html", template),
        ("static/app.css", "p {}"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let view = View::new().html(giotto::view::template("page.html"));
    let program = Program::new(|X { x }: X| x).view(view);
    let app = App::new(Manifest::new([("page", program)]))
        .templates(Templates::new(folder.path().join("templates")));
    let app = match static_files {
        true => app.static_files(folder.path().join("static")),
        false => app,
    };
    (folder, app)
}

#[tokio::test]
async fn a_template_has_the_address_of_a_file() {
    let (folder, service) = page("{{ asset(\"app.css\") }}", true);
    let url = Assets::new(folder.path().join("static"))
        .url("app.css")
        .unwrap();
    assert_eq!(get(&service, "/page?x=1").await.text(), url);
    assert_eq!(get(&service, &url).await.status, 200);
}

#[tokio::test]
async fn a_file_that_is_missing_is_named_with_its_folder() {
    for (static_files, words) in [
        (
            true,
            ["asset(\"none.css\")", "/static'", "has no such file"],
        ),
        (
            false,
            [
                "asset(\"none.css\")",
                "no static files",
                "App::static_files",
            ],
        ),
    ] {
        let (_folder, service) = page("{{ asset(\"none\" ~ \".css\") }}", static_files);
        let reply = get(&service, "/page?x=1").await;
        assert_eq!(reply.status, 500);
        let text = reply.text().replace("&#34;", "\"").replace("&quot;", "\"");
        let text = text.replace("&#39;", "'").replace("&#x27;", "'");
        for word in words {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
}

#[test]
fn a_file_that_is_named_by_a_constant_is_found_at_the_start() {
    for (static_files, words) in [
        (
            true,
            "/static', has no such file: did you mean \"app.css\"?",
        ),
        (false, "add them with App::static_files(\"static\")"),
    ] {
        let (_folder, app) = app("\n{{ asset(\"ap.css\") }}", static_files);
        let problem = app.check().unwrap_err().to_string();
        assert!(
            problem.contains("page.html:2: asset(\"ap.css\"): "),
            "{problem}"
        );
        assert!(problem.ends_with(words), "{problem}");
    }
}
