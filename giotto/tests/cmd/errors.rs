//! Wrong usage, models that fail, and results that nobody reads.

use std::fs::OpenOptions;
use std::io::Read;
use std::process::Stdio;

use crate::{Ran, ran, run, testbed};

#[test]
fn wrong_usage_is_refused_with_exit_code_2_and_a_remedy() {
    run(&["sqared", "x=12"]).is_refused(&["sqared", "did you mean 'squared'?"]);
    run(&["blog/pst", "1"]).is_refused(&["blog/post"]);
    run(&["none-at-all"]).is_refused(&["none-at-all"]);
    run(&["squaredfoo", "x=12"]).is_refused(&["squaredfoo"]);
    run(&["page", "x=1"]).is_refused(&["page", "not available", "http-get"]);
    run(&["squared"]).is_refused(&["'x'", "missing", "x=VALUE"]);
    run(&["multiply", "3"]).is_refused(&["'y'", "missing"]);
    run(&["squared", "x=abc"]).is_refused(&["'x'", "abc", "integer"]);
    run(&["squared", "x="]).is_refused(&["'x'", "integer"]);
    run(&["squared", "--x="]).is_refused(&["x"]);
    run(&["squared", "--x"]).is_refused(&["--x"]);
    run(&["squared", "x=1", "x=2"]).is_refused(&["'x'", "2 times"]);
    run(&["squared", "x=1", "--x=1"]).is_refused(&["'x'", "2 times"]);
    run(&["squared", "1", "2"]).is_refused(&["\"2\"", "too many"]);
    run(&["squared/1/2"]).is_refused(&["\"2\"", "too many"]);
    run(&["squared", "x=1", "y=2"]).is_refused(&["'y'", "no such argument"]);
    run(&["squared", "x=1", "--y=2"]).is_refused(&["'y'", "no such argument", "takes 'x'"]);
    run(&["mgt/cache/explain", "squared", "--y=2"]).is_refused(&["'y'", "takes 'x'"]);
    run(&["squared", "x=1", "--cach=only"]).is_refused(&["--cache"]);
    run(&["multiply", "x=1", "z=2"]).is_refused(&["'z'", "no such argument"]);
    run(&["greet", "nam=Ada"]).is_refused(&["did you mean 'name'?"]);
    run(&["greet", "--nam=Ada"]).is_refused(&["--nam", "--name"]);
    run(&["paint", "blue"]).is_refused(&["blue", "red", "green"]);
    run(&["paint", "red", "256"]).is_refused(&["coats", "255"]);
    run(&["speak", "loud=maybe"]).is_refused(&["maybe", "true or false"]);
    run(&["squared.pdf", "x=1"]).is_refused(&["pdf", "application/json"]);
    run(&["--unknown"]).is_refused(&["--unknown"]);
    run(&["subscribe", "nobody"]).is_refused(&["'email'", "it has no @"]);
}

#[test]
fn a_failing_model_is_one_line_and_exit_code_1() {
    for (words, said) in [
        (&["blog/post", "7"][..], "error: there is no post 7\n"),
        (&["failing/secret"], "error: this is not for you\n"),
    ] {
        let ran = run(words);
        assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (Some(1), "", said));
    }
    let ran = run(&["failing/fails"]);
    assert_eq!((ran.code, &*ran.stdout), (Some(1), ""));
    assert!(ran.stderr.starts_with("error: postgres://"), "{ran:?}");
    let ran = run(&["failing/panics"]);
    assert_eq!((ran.code, &*ran.stdout), (Some(1), ""));
    assert!(
        ran.stderr.contains("a secret of the implementation"),
        "{ran:?}"
    );
    assert!(!ran.stderr.contains("stack backtrace"), "{ran:?}");
    run(&["failing/elsewhere"]).says("/squared/12\n");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    // More than a pipe holds.
    let text = format!("text={}", "a".repeat(120_000));
    for words in [
        &["cmd", "echo", &text][..],
        &["cmd"],
        &["cmd", "paint", "--help"],
        &["--help"],
    ] {
        let mut child = testbed::command(folder.path())
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0]).unwrap();
        drop(stdout);
        let ran: Ran = child.wait_with_output().unwrap().into();
        assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{words:.30?}");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    for words in [
        &["cmd", "squared", "x=12"][..],
        &["cmd"],
        &["cmd", "failing/elsewhere"],
    ] {
        let ran = ran(testbed::command(folder.path())
            .args(words)
            .stdout(full())
            .stderr(Stdio::piped()));
        assert_eq!(ran.code, Some(1), "{words:?} {ran:?}");
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert!(ran.stderr.contains("could not be written"), "{ran:?}");
    }
    let ran = ran(testbed::command(folder.path())
        .args(["cmd", "none"])
        .stderr(full()));
    assert_eq!(
        ran.code,
        Some(2),
        "an error that cannot be told is still an exit code"
    );
}
