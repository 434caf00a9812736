//! An application in a server of its own, with the configuration that `giotto::run` reads.

use std::path::Path;

use giotto::prelude::*;
use giotto::{Result, Service};

use crate::{X, get, squared, testbed};

fn app() -> App {
    let fails = Program::new(|X { x }: X| Err::<i64, _>(Error::other(format!("no {x}"))))
        .view(BasicView::new());
    App::new(Manifest::new([("squared", squared()), ("fails", fails)]))
}

/// The file `giotto.toml` in `folder`.
fn file(folder: &Path, text: &str) -> String {
    let path = folder.join("giotto.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn configured(flags: &[&str]) -> Result<Service> {
    app().configured_with(flags)?.into_service()
}

#[tokio::test]
async fn two_applications_with_one_file_share_their_pages() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("pages.sqlite3");
    let cache = format!("cache = \"sqlite://{}\"\n", pages.display());
    let path = file(folder.path(), &cache);
    let one = app().configured_with(["--config", &path]).unwrap();
    let cache = one.shared_cache().clone();
    let (one, other) = (
        one.into_service().unwrap(),
        configured(&["--config", &path]).unwrap(),
    );
    assert_eq!(get(&one, "/squared.txt?x=2").await.text(), "4\n");
    cache.settle().await;
    let hit = get(&other, "/squared.txt?x=2").await;
    assert!(
        hit.field("cache-status").starts_with("giotto; hit"),
        "{hit:?}"
    );
}

#[tokio::test]
async fn the_configuration_is_that_of_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(
        folder.path(),
        "debug = true\ncache = \"locmem\"\nhttp.tag_fields = [\"Cache-Tag\"]\n",
    );
    let service = configured(&["--config", &path]).unwrap();
    assert!(get(&service, "/fails?x=1").await.text().contains("No 1"));
    let page = get(&service, "/squared?x=2").await;
    assert!(
        page.field("cache-tag").contains("giotto:program:squared"),
        "{page:?}"
    );
    // Flags override the file.
    let service = configured(&["--config", &path, "--set", "debug=false"]).unwrap();
    assert!(!get(&service, "/fails?x=1").await.text().contains("No 1"));
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "# A comment.\ncache = \"locmeme\"\n");
    let missing = folder.path().join("missing.toml");
    for (flags, words) in [
        (
            &["--config", &*path][..],
            &["giotto.toml:2:1", "locmem"][..],
        ),
        (
            &["--config", missing.to_str().unwrap()],
            &["missing.toml", "name a file that exists"],
        ),
        (
            &["--set", "cach=locmem"],
            &["--set", "did you mean \"cache\"?"],
        ),
        (
            &["--port", "1"],
            &["--port", "--profile NAME and --set KEY=VALUE"],
        ),
        (&["--set"], &["--profile NAME and --set KEY=VALUE"]),
    ] {
        let error = configured(flags).unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "{word}: {error}");
        }
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn an_application_is_configured_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "cache = \"locmem\"\n");
    let configured = app().configured_with(["--config", &path]).unwrap();
    let error = configured.configured_with(["--config", &path]).unwrap_err();
    assert!(
        error.to_string().contains("remove App::configured()"),
        "{error}"
    );
    let mut command = testbed::isolated(&testbed::built("beside"), folder.path());
    let ended = command.arg("cmd").env("CONFIGURED", "1").output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(
        said.contains("configured twice") && said.contains("remove"),
        "{said}"
    );
}

#[test]
fn a_setting_that_the_configuration_has_is_not_replaced_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "cache = \"locmem\"\n");
    let configured = || app().configured_with(["--config", &path]).unwrap();
    assert!(configured().check().is_ok());
    for (replaced, name) in [
        (configured().cache(LocMemKeyValue::new()), "App::cache"),
        (configured().compression(false), "App::compression"),
        (configured().tag_fields(["xkey"]), "App::tag_fields"),
    ] {
        let error = replaced.check().unwrap_err().to_string();
        assert!(
            error.starts_with(name) && error.ends_with("call it before"),
            "{error}"
        );
    }
}

/// The command line and the server read the same file.
#[test]
fn the_variable_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), "cach = \"locmem\"\n");
    let mut command = testbed::isolated(&testbed::built("beside"), folder.path());
    // The error is that of App::configured.
    let ended = command.arg("cmd").env("CONFIGURED", "1").output().unwrap();
    assert_eq!(ended.status.code(), Some(99));
}
