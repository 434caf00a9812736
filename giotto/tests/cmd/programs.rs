//! Which program runs, with which settings, and what is shown of it.

use crate::{Shown, on_terminal, ran, run, testbed};

#[test]
fn programs_are_found_wherever_they_stand() {
    run(&["blog"]).says("The blog\n");
    run(&["blog/"]).says("The blog\n");
    run(&["blog/post", "1"]).says("The first post\n");
    run(&["blog/archive/post/1"]).says("The first post\n");
    run(&["old", "1"]).says("The first post\n");
    run(&["older/1"]).says("The first post\n");
    run(&["batch"]).says("done\n");
    run(&["subscribe", "a@b"]).says("email  a@b\n");
    run(&["/"]).says("Welcome\n");
    run(&[""]).says("Welcome\n");
    run(&[".json"]).says("\"Welcome\"");
}

#[test]
fn a_link_whose_name_ends_in_cmd_is_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("giotto-cmd");
    std::os::unix::fs::symlink(testbed::path(), &link).unwrap();
    let run = |words: &[&str]| ran(testbed::isolated(&link, folder.path()).args(words));
    run(&["squared", "x=12"]).says("x  144\n");
    run(&["--set", "cache=locmem", "squared.json/12"]).says("{\"x\":144}");
    run(&["sqared"]).is_refused(&["did you mean 'squared'?"]);
    assert!(run(&[]).stdout.contains("giotto-cmd PROGRAM"));
    assert!(
        run(&["squared", "--help"])
            .stdout
            .contains("giotto-cmd squared")
    );
}

#[test]
fn mocks_are_shown_instead_of_results() {
    run(&["--model-mock", "multiply", "x=7", "y=8"]).says("2 * 3 = 6\n");
    run(&["multiply", "x=7", "y=8", "--model-mock"]).says("2 * 3 = 6\n");
    run(&["multiply.json/7/8", "--model-mock"]).says("{\"x\":2,\"y\":3,\"product\":6}");
    let missing = run(&["--model-mock", "squared", "x=12"]);
    assert_eq!((missing.code, &*missing.stdout), (Some(1), ""));
    assert!(
        missing
            .stderr
            .contains("squared has no mock: add .mock(..)"),
        "{missing:?}"
    );
    run(&["--model-mock", "multiply", "x=a", "y=8"]).is_refused(&["'x'"]);
}

#[test]
fn the_cache_of_one_process_changes_nothing_that_a_command_says() {
    run(&["--set", "cache=locmem", "squared", "x=12"]).says("x  144\n");
    run(&["--set=cache=dummy", "squared", "x=12"]).says("x  144\n");
}

#[test]
fn a_verbose_command_says_that_no_cache_is_configured() {
    let note = "note: no cache is configured";
    let says = |words: &[&str]| on_terminal(&[], words, Shown::Stderr).contains(note);
    assert!(says(&["-v", "squared", "x=12"]));
    assert!(!says(&["squared", "x=12"]));
    assert!(!says(&["-v", "nocache", "x=12"]));
    assert!(!says(&["-v", "squared", "x=12", "--set", "cache=dummy"]));
    assert!(!run(&["-v", "squared", "x=12"]).stderr.contains(note));
}

#[test]
fn fields_of_a_page_are_shown_by_a_verbose_command_alone_also_from_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| ran(testbed::command(folder.path()).arg("cmd").args(words));
    let words = ["--set", "cache=database", "multiply.csv", "x=3", "y=2"];
    let quiet = run(&words);
    quiet.says("x,y,product\n3,2,6\n");
    assert_eq!(quiet.stderr, "");
    let again = run(&[&words[..], &["-v"]].concat());
    assert_eq!(again.stdout, quiet.stdout);
    for line in [
        "Cache-Status: giotto; hit",
        "content-disposition: attachment; filename=\"6.csv\"\n",
    ] {
        assert!(again.stderr.contains(line), "{again:?}");
    }
}

#[test]
fn settings_stand_before_the_program_or_after_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("other.toml"), "cache = \"database\"\n").unwrap();
    let run = |words: &[&str]| ran(testbed::command(folder.path()).arg("cmd").args(words));
    let (set, file) = ("cache=database", "other.toml");
    for words in [
        &["--set", set, "-v", "stamp", "x=1"][..],
        &["stamp", "x=1", "-v", "--set", set],
        &["stamp", "-v", "--set=cache=dummy", "--set", set, "--x", "1"],
        &["--set", "cache=dummy", "stamp", "--set", set, "-v", "x=1"],
        &["stamp", "x=1", "-v", "--config", file],
        &[
            "--config",
            "none.toml",
            "stamp",
            "x=1",
            "--config=other.toml",
            "-v",
        ],
    ] {
        let first = run(words);
        assert_eq!(first.code, Some(0), "{words:?} {first:?}");
        // The next command finds what this one has stored.
        let again = run(words);
        assert_eq!(again.stdout, first.stdout, "{words:?}");
        assert!(again.stderr.contains("giotto; hit"), "{words:?} {again:?}");
        let known = run(&["mgt/cache/explain", "stamp", "x=1", "--set", set]);
        assert!(known.stdout.contains("a hit"), "{known:?}");
        assert_eq!(run(&["--set", set, "mgt/flush"]).code, Some(0));
    }
    for words in [
        &["stamp", "x=1", "--set", "cache=rediss"][..],
        &["stamp", "x=1", "--set", "cach=redis"],
        &["stamp", "x=1", "--config", "none.toml"],
        &["stamp", "x=1", "--set"],
    ] {
        let refused = run(words);
        assert_eq!(
            (refused.code, &*refused.stdout),
            (Some(2), ""),
            "{refused:?}"
        );
    }
    // Behind two dashes, and where the program has such parameters, they are arguments.
    run(&["echo", "--", "--set"]).says("--set\n");
    run(&["odd", "help=a", "--set=b", "--config=c"]).says("a0bc\n");
}

#[test]
fn header_fields_reach_middleware_and_what_it_replaces_is_told() {
    let refused = run(&["whoami.txt"]);
    assert_eq!(
        (refused.code, &*refused.stderr),
        (Some(1), "error: sign in first\n")
    );
    run(&["whoami.txt", "--header", "X-User: ada"]).says("ada\n");
    run(&["--header=x-user:ada", "whoami.txt"]).says("ada\n");
    let replaced = run(&["whoami.txt", "user=eve", "--header=x-user: ada"]);
    assert_eq!((replaced.code, &*replaced.stdout), (Some(0), "ada\n"));
    assert_eq!(
        replaced.stderr,
        "note: 'user': \"eve\" is given, but middleware sets it to \"ada\"\n"
    );
    run(&["whoami.txt", "--header=x user: ada"]).is_refused(&["'header'", "NAME: VALUE"]);
    for words in [
        &["mgt/cache/explain", "whoami.txt", "--header=x-user: ada"][..],
        &["--header=x-user: ada", "mgt/cache/explain", "whoami.txt"],
        &["mgt/cache/explain", "--header", "x-user: ada", "whoami.txt"],
    ] {
        let explained = run(words);
        assert!(
            explained.stdout.contains("{'user': 'ada'}"),
            "{explained:?}"
        );
    }
}
