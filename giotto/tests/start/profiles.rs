//! Profiles, secrets in files, the settings of the application, and where it answers.

use std::fs;

use crate::{is_refused, start, testbed};

#[test]
fn a_mistake_in_a_base_an_origin_or_a_profile_is_named() {
    for (file, arguments, words) in [
        (
            "http.base = \"library\"",
            &[][..],
            &[
                "giotto.toml:1:6: http.base = \"library\"",
                "begins with a slash",
            ][..],
        ),
        (
            "",
            &["--set", "http.base=/a/../b"],
            &["--set: http.base", "no . or .."],
        ),
        (
            "",
            &["--set", "http.origin=https://a.org/b"],
            &["--set: http.origin", "a path is http.base"],
        ),
        (
            "[profile.production]\ndebug = false",
            &["--profile", "prodution"],
            &["--profile", "prodution", "did you mean \"production\"?"],
        ),
        (
            "",
            &["--profile", "production"],
            &["--profile", "[profile.production]"],
        ),
        (
            "[profile.production.http]\nprot = 1",
            &[],
            &["giotto.toml:2:1", "http.prot", "http.port"],
        ),
        (
            "profile = \"production\"",
            &[],
            &["giotto.toml:1:1", "profile"],
        ),
        (
            "[app]\ngreeting = \"a\"",
            &[],
            &["giotto.toml:2:1: app.greeting", "giotto::run_with"],
        ),
    ] {
        is_refused(file, arguments, &[], words);
    }
    let with = |variable| [("SETTINGS", "1"), variable];
    for (file, variable, words) in [
        (
            "",
            ("GIOTTO_PROFIL", "a"),
            &["did you mean GIOTTO_PROFILE?"][..],
        ),
        (
            "",
            ("GIOTTO_APP_GRETING", "a"),
            &["did you mean GIOTTO_APP_GREETING?"],
        ),
        (
            "[app]\ngreting = \"a\"",
            ("GIOTTO_LOG", "warn"),
            &["giotto.toml:2:1", "did you mean \"greeting\"?"],
        ),
        (
            "[app]\nrepeat = 256",
            ("GIOTTO_LOG", "warn"),
            &["giotto.toml:2:1: app.repeat = 256", "expected u8"],
        ),
    ] {
        is_refused(file, &[], &with(variable), words);
    }
}

#[test]
fn any_setting_may_be_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let key = file("key", &"s3cret0123456789".repeat(3));
    let short = file("short", "s3cret\n");
    let cache = file("cache", "lcmem\n");
    for (variables, words) in [
        (
            &[("GIOTTO_SIGNING_KEY_FILE", &*short)][..],
            &["GIOTTO_SIGNING_KEY_FILE", &*short, "6 bytes"][..],
        ),
        (
            &[
                ("GIOTTO_SIGNING_KEY_FILE", &key),
                ("GIOTTO_SIGNING_KEY", &"0".repeat(32)),
            ],
            &[
                "GIOTTO_SIGNING_KEY and GIOTTO_SIGNING_KEY_FILE",
                "unset one",
            ],
        ),
        (
            &[
                ("GIOTTO_SESSION_KEY_FILE", &key),
                ("GIOTTO_SESSION_KEY", &key),
            ],
            &["GIOTTO_SESSION_KEY and GIOTTO_SESSION_KEY_FILE"],
        ),
        (
            &[("GIOTTO_CACHE_FILE", &cache)],
            &["GIOTTO_CACHE_FILE", "did you mean \"locmem\"?"],
        ),
        (
            &[("GIOTTO_CACHE_FILE", "/nowhere")],
            &["GIOTTO_CACHE_FILE: /nowhere cannot be read"],
        ),
        (
            &[("GIOTTO_SIGNING_KEI_FILE", &key)],
            &["did you mean GIOTTO_SIGNING_KEY_FILE?"],
        ),
        (
            &[("GIOTTO_APP_REPEAT_FILE", &short), ("SETTINGS", "1")],
            &["app.repeat", "whole number"],
        ),
    ] {
        is_refused("", &[], variables, words);
        let mut command = start(folder.path(), "cmd", &[], variables);
        let stderr = command.output().unwrap().stderr;
        assert!(!String::from_utf8(stderr).unwrap().contains("s3cret"));
    }
    let variables = [
        ("GIOTTO_SIGNING_KEY_FILE", &*key),
        ("GIOTTO_CACHE_FILE", &file("store", "locmem\n")),
    ];
    let output = start(folder.path(), "cmd", &[], &variables)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn the_application_is_made_of_its_settings() {
    let folder = tempfile::tempdir().unwrap();
    let file = "[app]\ngreeting = \"hello\"\nrepeat = 1\n[profile.loud.app]\nrepeat = 2";
    fs::write(folder.path().join("giotto.toml"), file).unwrap();
    let said = |before: &[&str], after: &[&str], variables: &[(&str, &str)]| {
        let mut command = testbed::command(folder.path());
        command.arg("cmd").args(before).args(["asked", "origin=a"]);
        command.args(after).envs(variables.iter().copied());
        command.env("SETTINGS", "1");
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let variable = [("GIOTTO_APP_GREETING", "hi")];
    for (before, variables, text) in [
        (&[][..], &[][..], "hello "),
        (&["--profile", "loud"], &[], "hellohello "),
        (&[], &[("GIOTTO_PROFILE", "loud")], "hellohello "),
        (&["--profile", "loud"], &variable, "hihi "),
        (&["--set", "app.greeting=ho"], &variable, "ho "),
    ] {
        let (code, said) = said(before, &[], variables);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.starts_with(text), "{said}");
    }
    let (code, told) = said(&[], &["--profile", "loud"], &[]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("before the program"), "{told}");
    let (code, told) = said(&["--set", "app.greeting=refused"], &[], &[]);
    assert_eq!(
        (code, told.as_str()),
        (Some(1), "error: cannot be opened\n")
    );
}
