//! Settings of an application, as it gives them and as it gets them.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;

use super::super::Config;
use crate::error::Result;

#[derive(Debug, Deserialize, PartialEq)]
struct Settings {
    name: String,
    #[serde(default)]
    page_size: u16,
    #[serde(default)]
    ratio: f64,
    #[serde(default)]
    open: bool,
    #[serde(default)]
    shelves: Vec<String>,
    #[serde(default)]
    numbers: Vec<u8>,
    mail: Option<Mail>,
    mail_from: Option<String>,
    #[serde(default)]
    style: Style,
    #[serde(default, alias = "colour")]
    color: Option<String>,
    #[serde(default)]
    words: BTreeMap<String, String>,
    api_key: Option<String>,
    address: Option<std::net::IpAddr>,
    #[serde(default)]
    limits: Vec<Limit>,
    since: Option<toml::value::Datetime>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Mail {
    host: String,
    port: Option<u16>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Style {
    #[default]
    Plain,
    Fancy,
    Custom(String),
}

#[derive(Debug, Deserialize, PartialEq)]
struct Limit {
    path: String,
    most: u64,
}

/// The settings that a file, variables and flags give.
fn settings(file: &str, variables: &[(&str, &str)], set: &[&str]) -> Result<Settings> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.toml");
    fs::write(&path, file).unwrap();
    let variables = variables.iter();
    let variables = variables.map(|(name, value)| (name.into(), value.into()));
    Config::load(Some(&path), variables, set.iter().copied(), None)?.app_settings()
}

const ALL: &str = r#"
[app]
name = "The Library"
page_size = 20
ratio = 1
open = true
shelves = ["a", "b, c"]
numbers = [1, 2]
style = "fancy"
words = { hello = "hallo" }
colour = "red"
since = 2026-11-27
[app.mail]
host = "mail.example.org"
[[app.limits]]
path = "/"
most = 7
"#;

#[test]
fn a_table_is_a_struct_and_variables_and_flags_override_it() {
    let all = settings(ALL, &[], &[]).unwrap();
    assert_eq!((all.name.as_str(), all.page_size), ("The Library", 20));
    assert_eq!((all.ratio, all.open, all.style), (1.0, true, Style::Fancy));
    assert_eq!(all.shelves, ["a", "b, c"]);
    assert_eq!(all.mail.unwrap().host, "mail.example.org");
    assert_eq!(all.color.as_deref(), Some("red"));
    assert_eq!(all.words["hello"], "hallo");
    assert_eq!(all.limits[0].most, 7);
    assert_eq!(all.since.unwrap().to_string(), "2026-11-27");
    let variables = [
        ("GIOTTO_APP_NAME", "12"),
        ("GIOTTO_APP_PAGE_SIZE", "30"),
        ("GIOTTO_APP_OPEN", "false"),
        ("GIOTTO_APP_SHELVES", "x, y"),
        ("GIOTTO_APP_NUMBERS", "[7, 8]"),
        ("GIOTTO_APP_STYLE", "plain"),
        ("GIOTTO_APP_MAIL_PORT", "25"),
        ("GIOTTO_APP_MAIL_FROM", "a@example.org"),
        ("GIOTTO_APP_COLOR", ""),
        ("GIOTTO_APP_WORDS_BYE", "tschüss"),
        ("GIOTTO_APP_ADDRESS", "::1"),
        // Kubernetes has these for a service that is called giotto-app.
        ("GIOTTO_APP_PORT", "tcp://10.0.0.9:80"),
        ("GIOTTO_APP_SERVICE_HOST", "10.0.0.9"),
    ];
    let set = ["app.page_size=40", "app.mail.host=localhost"];
    let all = settings(ALL, &variables, &set).unwrap();
    assert_eq!((all.name.as_str(), all.page_size), ("12", 40));
    assert_eq!((all.open, all.style), (false, Style::Plain));
    assert_eq!(
        (all.shelves, all.numbers),
        (vec!["x".into(), "y".into()], vec![7, 8])
    );
    let mail = all.mail.unwrap();
    assert_eq!((mail.host.as_str(), mail.port), ("localhost", Some(25)));
    assert_eq!(all.mail_from.as_deref(), Some("a@example.org"));
    assert_eq!(all.words.len(), 2);
    assert!(all.address.unwrap().is_loopback());
}

#[test]
fn variables_and_flags_alone_are_enough() {
    let variables = [
        ("GIOTTO_APP_NAME", "a"),
        ("GIOTTO_APP_MAIL_HOST", "b"),
        ("GIOTTO_APP_NUMBERS", "1,2"),
    ];
    let all = settings("", &variables, &["app.style={ custom = \"c\" }"]);
    // The value of a variant is no text.
    assert!(all.unwrap_err().to_string().contains("app.style"));
    let all = settings("", &variables, &[]).unwrap();
    assert_eq!((all.name.as_str(), all.numbers), ("a", vec![1, 2]));
    assert_eq!(all.mail.unwrap().host, "b");
    let all = settings("app.name = \"a\"\napp.style = { custom = \"c\" }", &[], &[]);
    assert_eq!(all.unwrap().style, Style::Custom("c".to_owned()));
}

#[test]
fn a_mistake_has_its_key_its_place_and_the_remedy() {
    for (file, variables, words) in [
        (
            "",
            &[][..],
            &["app.name is missing", "[app]", "GIOTTO_APP_NAME"][..],
        ),
        (
            "[app]\nname = \"a\"\nnmae = \"b\"",
            &[],
            &[
                "shop.toml:3:1",
                "key of [app] \"nmae\"",
                "did you mean \"name\"",
            ],
        ),
        (
            "[app]\nname = 7",
            &[],
            &["shop.toml:2:1: app.name = 7", "expected a text in quotes"],
        ),
        (
            "[app]\nname = \"a\"\npage_size = \"7\"",
            &[],
            &["shop.toml:3:1: app.page_size", "expected a whole number"],
        ),
        (
            "[app]\nname = \"a\"\npage_size = 70000",
            &[],
            &["shop.toml:3:1: app.page_size = 70000", "expected u16"],
        ),
        (
            "[app]\nname = \"a\"\npage_size = -1",
            &[],
            &["app.page_size = -1", "expected u16"],
        ),
        (
            "app.name = \"a\"",
            &[("GIOTTO_APP_PAGE_SIZE", "many")],
            &[
                "GIOTTO_APP_PAGE_SIZE: app.page_size = \"many\"",
                "whole number",
            ],
        ),
        (
            "app.name = \"a\"",
            &[("GIOTTO_APP_OPEN", "yes")],
            &["GIOTTO_APP_OPEN", "true or false"],
        ),
        (
            "app.name = \"a\"\napp.mail = { port = 1 }",
            &[],
            &[
                "app.mail.host is missing",
                "[app.mail]",
                "GIOTTO_APP_MAIL_HOST",
            ],
        ),
        (
            "app.name = \"a\"\napp.mail = 7",
            &[],
            &["app.mail = 7", "expected a table"],
        ),
        (
            "app.name = \"a\"\napp.mail = { host = \"a\", prot = 1 }",
            &[],
            &["key of [app.mail] \"prot\"", "did you mean \"port\""],
        ),
        (
            "app.name = \"a\"\napp.style = \"fanzy\"",
            &[],
            &["app.style = \"fanzy\"", "\"plain\", \"fancy\""],
        ),
        (
            "app.name = \"a\"\napp.numbers = [1, 300]",
            &[],
            &["app.numbers", "expected u8"],
        ),
        (
            "app.name = \"a\"\napp.address = \"a\"",
            &[],
            &["app.address = \"a\"", "IP address"],
        ),
        (
            "app.name = \"a\"\n[[app.limits]]\npath = \"/\"",
            &[],
            &["app.limits.most is missing"],
        ),
        ("app = 7", &[], &["app = 7", "a table with"]),
        (
            "app.name = \"a\"",
            &[("GIOTTO_APP_NAEM", "b")],
            &["GIOTTO_APP_NAEM", "did you mean GIOTTO_APP_NAME?"],
        ),
        (
            "app.name = \"a\"",
            &[("GIOTTO_APP_ZEBRA", "b")],
            &["GIOTTO_APP_ZEBRA", "not a setting of this application"],
        ),
        (
            "app.name = \"a\"",
            &[("GIOTTO_APP_OPEN_DOOR", "b")],
            &["GIOTTO_APP_OPEN_DOOR", "app.open is one value"],
        ),
    ] {
        let error = settings(file, variables, &[]).unwrap_err().to_string();
        for word in words {
            assert!(
                error.contains(word),
                "{file:?} {variables:?}: {word}: {error}"
            );
        }
    }
}

#[test]
fn a_secret_may_be_in_a_file_and_no_error_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let key = file("key", "s3cret \n\r\n");
    let all = settings(
        "app.name = \"a\"",
        &[
            ("GIOTTO_APP_API_KEY_FILE", &key),
            ("GIOTTO_APP_PAGE_SIZE_FILE", &file("n", "7\n")),
        ],
        &[],
    );
    let all = all.unwrap();
    assert_eq!(
        (all.api_key.as_deref(), all.page_size),
        (Some("s3cret "), 7)
    );
    let both = [
        ("GIOTTO_APP_API_KEY_FILE", &*key),
        ("GIOTTO_APP_API_KEY", "s3cret"),
    ];
    for (variables, words) in [
        (
            &both[..],
            ["GIOTTO_APP_API_KEY_FILE are both set", "unset one"],
        ),
        (
            &[("GIOTTO_APP_PAGE_SIZE_FILE", &key)],
            [&key, "whole number"],
        ),
        (
            &[("GIOTTO_APP_ADDRESS_FILE", &key)],
            [&key, "its value is refused"],
        ),
        (&[("GIOTTO_APP_STYLE_FILE", &key)], [&key, "one of"]),
        (
            &[("GIOTTO_APP_NAME_FILE", "/nowhere")],
            ["/nowhere", "cannot be read"],
        ),
        (
            &[("GIOTTO_APP_NAME_FILE", &file("empty", "\n"))],
            ["empty", "write the value"],
        ),
        (
            &[("GIOTTO_APP_NAME_FILE", "/dev/zero")],
            ["/dev/zero", "64 KiB"],
        ),
    ] {
        let error = settings("app.page_size = 1", variables, &[])
            .unwrap_err()
            .to_string();
        for word in words {
            assert!(error.contains(word), "{variables:?}: {error}");
        }
        assert!(!error.contains("s3cret"), "{error}");
    }
    for file in ["api_key = 7", "name = \"a\"\naddress = \"p@ss\""] {
        let error = settings(&format!("[app]\n{file}"), &[], &[])
            .unwrap_err()
            .to_string();
        assert!(!error.contains("= 7") && !error.contains("p@ss"), "{error}");
    }
}

#[test]
fn a_profile_overrides_the_file_and_is_overridden_by_variables() {
    let file = r#"
        [app]
        name = "base"
        page_size = 1
        [profile.production.app]
        name = "production"
        [profile.test.app.mail]
        host = "test"
    "#;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.toml");
    fs::write(&path, file).unwrap();
    let read = |variables: &[(&str, &str)], profile| {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let none = std::iter::empty();
        Config::load(Some(&path), variables, none, profile)?.app_settings::<Settings>()
    };
    assert_eq!(read(&[], None).unwrap().name, "base");
    let chosen = [("GIOTTO_PROFILE", "production")];
    let all = read(&chosen, None).unwrap();
    assert_eq!((all.name.as_str(), all.page_size), ("production", 1));
    let all = read(&chosen, Some("test")).unwrap();
    assert_eq!(
        (all.name.as_str(), all.mail.unwrap().host),
        ("base", "test".to_owned())
    );
    let all = read(&[chosen[0], ("GIOTTO_APP_NAME", "variable")], None);
    assert_eq!(all.unwrap().name, "variable");
}
