//! The command line of a real process: argument vectors, standard output and error, exit codes.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod common {
    pub(crate) mod testbed;
}

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output, Stdio};

use common::testbed;

/// Runs `testbed cmd WORDS..` where there is no configuration.
fn run(words: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let mut command = testbed::command(folder.path());
    command.arg("cmd").args(words);
    ran(&mut command)
}

fn ran(command: &mut Command) -> Ran {
    command.output().unwrap().into()
}

#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Succeeded with `stdout` and nothing on standard error.
    fn says(&self, stdout: &str) {
        assert_eq!(
            (self.code, &*self.stdout, &*self.stderr),
            (Some(0), stdout, "")
        );
    }

    /// Refused as wrong usage in one paragraph that has all of `words` in it, standard output left alone.
    fn is_refused(&self, words: &[&str]) {
        assert_eq!((self.code, &*self.stdout), (Some(2), ""), "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word}: {self:?}");
        }
    }
}

#[test]
fn an_argument_is_given_in_many_forms() {
    for words in [
        &["squared", "x=12"][..],
        &["squared", "12"],
        &["squared", "--x=12"],
        &["squared", "--x", "12"],
        &["squared/12"],
        &["/squared/12/"],
        &["squared", "x=012"],
        &["squared", "x=+12"],
        &["squared", "-12"],
        &["squared", "x=-12"],
        &["squared", "--x=-12"],
        &["squared", "--x", "-12"],
        &["squared/-12"],
        &["squared", "--", "-12"],
    ] {
        run(words).says("x  144\n");
    }
    run(&["squared.json", "x=12"]).says("{\"x\":144}");
    run(&["squared.html/12"]).says("<p>144</p>");
    run(&["multiply/2", "3"]).says("2 * 3 = 6\n");
    run(&["multiply", "2", "x=3"]).says("3 * 2 = 6\n");
    run(&["multiply", "y=2", "3"]).says("3 * 2 = 6\n");
    run(&["multiply.csv", "--y", "2", "x=3"]).says("x,y,product\n3,2,6\n");
}

#[test]
fn text_is_taken_as_it_is() {
    for (words, text) in [
        (&["echo", "text=a=b"][..], "a=b"),
        (&["echo", "--text=a=b"], "a=b"),
        (&["echo", "text="], ""),
        (&["echo", "--text="], ""),
        (&["echo", ""], ""),
        (
            &["echo", "http://example.org/?a=b"],
            "http://example.org/?a=b",
        ),
        (&["echo", "a b=c"], "a b=c"),
        (&["echo", "=a"], "=a"),
        (&["echo", "--text=--help"], "--help"),
        (&["echo", "--", "--help"], "--help"),
        (&["echo", "text=-h"], "-h"),
        (&["echo", "%41+b"], "%41+b"),
        (&["echo", "a/b"], "a/b"),
        (&["echo/a.b"], "a.b"),
        (&["echo", "Grüße 🦀"], "Grüße 🦀"),
    ] {
        run(words).says(&format!("{text}\n"));
    }
}

#[test]
fn lists_choices_defaults_and_flags_have_their_forms() {
    run(&[
        "sum",
        "numbers=1",
        "numbers=2",
        "--numbers",
        "3",
        "--numbers=-4",
    ])
    .says("2\n");
    run(&["sum", "7"]).says("7\n");
    let key = "'numbers': [1, 2, 3, 4]";
    let words = [
        "sum",
        "--numbers=1",
        "numbers=2",
        "--numbers",
        "3",
        "numbers=4",
    ];
    let explained = run(&[&["mgt/cache/explain"], &words[..]].concat());
    assert!(explained.stdout.contains(key), "{explained:?}");
    run(&["paint", "red"]).says("colour  red\ncoats   4\n");
    run(&["paint", "colour=green", "coats=1"]).says("colour  green\ncoats   1\n");
    run(&["greet"]).says("Hello everybody\n");
    run(&["greet", "Ada", "Bye"]).says("Bye Ada\n");
    run(&["greet", "greeting=Bye"]).says("Bye everybody\n");
    run(&["speak"]).says("hello\n");
    run(&["speak", "--loud"]).says("HELLO\n");
    run(&["speak", "--loud=false"]).says("hello\n");
    run(&["speak", "--loud", "false"]).says("hello\n");
    run(&["speak", "--loud", "true"]).says("HELLO\n");
    run(&["speak", "--loud", "loud=true"]).is_refused(&["'loud'", "2 times"]);
    run(&["speak", "loud=yes"]).says("HELLO\n");
    run(&["speak", "true"]).says("HELLO\n");
}

#[test]
fn a_negative_number_is_a_value_in_every_notation() {
    for (text, number) in [
        ("-1", "-1.0"),
        ("-1.5", "-1.5"),
        ("-.5", "-0.5"),
        ("-5.", "-5.0"),
        ("-1e-5", "-1e-5"),
        ("-1E+3", "-1000.0"),
        ("-.5e2", "-50.0"),
        ("-inf", "-inf"),
        ("-infinity", "-inf"),
        ("-0", "-0.0"),
    ] {
        let said = format!("{number} 0\n");
        run(&["number", text]).says(&said);
        run(&["number", "--", text]).says(&said);
        run(&["number", "--x", text]).says(&said);
        run(&["number", &format!("--x={text}")]).says(&said);
        run(&["number", &format!("x={text}")]).says(&said);
        run(&["number", "--cache=bypass", text, "--y=0"]).says(&said);
        run(&[&format!("number/{text}")]).says(&said);
    }
    let least = i128::MIN.to_string();
    run(&["number", "--y", &least, "-1"]).says(&format!("-1.0 {least}\n"));
    run(&["echo", "-inf"]).says("-inf\n");
    run(&["echo", "--text", "-5 apples"]).says("-5 apples\n");
    run(&["sum", "-1", "--numbers", "-2"]).is_refused(&["-1", "too many"]);
    run(&["sum", "--numbers", "-1", "--numbers", "-2"]).says("-3\n");
    run(&["number", "-0x10"]).is_refused(&["'x'", "-0x10", "not a number"]);
    run(&["number", "--x", "--y"]).is_refused(&["--x"]);
    run(&["number", "-i"]).is_refused(&["-i"]);
    let explained = run(&["mgt/cache/explain", "number", "-1e-5"]);
    assert!(
        explained.stdout.contains("{'x': -1e-05, 'y': 0}"),
        "{explained:?}"
    );
}

#[test]
fn an_argument_with_parts_is_json_and_an_alias_is_another_name() {
    let said = "Searched { filter: Filter { a: 1 }, numbers: [], sort: Some(\"up\") }\n";
    let filter = "{\"a\":1}";
    for words in [
        &["search", "filter={\"a\":1}", "numbers=[]", "sort=up"][..],
        &[
            "search",
            "--filter",
            filter,
            "--numbers=[]",
            "--order-by",
            "up",
        ],
        &["search", "--filter", filter, "n=[]", "--order_by=up"],
        &["search", filter, "[]", "up"],
        &["search", "n=[]", filter, "up"],
    ] {
        run(words).says(said);
    }
    run(&["search", "a"]).is_refused(&["'filter'", "JSON"]);
    run(&["search", filter, "n=1", "numbers=2"]).is_refused(&["'numbers'", "one name"]);
    let explained = run(&["mgt/cache/explain", "search", filter, "--n", "1"]);
    assert!(
        explained
            .stdout
            .contains("{'filter': {'a': 1}, 'numbers': [1], 'sort': None}"),
        "{explained:?}"
    );
}

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
fn help_tells_what_the_manifest_knows() {
    let list = run(&[]);
    assert_eq!((list.code, &*list.stderr), (Some(0), ""));
    for line in [
        "squared",
        "Squares a number.",
        "blog/archive/post",
        "testbed cmd PROGRAM",
    ] {
        assert!(list.stdout.contains(line), "{line}: {}", list.stdout);
    }
    assert!(
        !list.stdout.contains("\n  page"),
        "a program of the web only: {}",
        list.stdout
    );
    for words in [
        &["paint", "--help"][..],
        &["paint", "-h"],
        &["paint", "red", "--help"],
    ] {
        let help = run(words);
        assert_eq!((help.code, &*help.stderr), (Some(0), ""));
        for word in [
            "Paints a wall.",
            "testbed cmd paint[.FORMAT] colour=VALUE [coats=VALUE]",
            "--colour",
            "red, green",
            "Of what colour. [required]",
            "How many coats. [default: 4]",
        ] {
            assert!(
                help.stdout.to_lowercase().contains(&word.to_lowercase()),
                "{word}: {}",
                help.stdout
            );
        }
    }
    let help = run(&["greet", "--help"]).stdout;
    assert!(
        help.contains("[optional]") && help.contains("[default: Hello]"),
        "{help}"
    );
    let help = run(&["sum", "--help"]).stdout;
    assert!(
        help.contains("[may be repeated, or is one JSON array]"),
        "{help}"
    );
    let help = run(&["search", "--help"]).stdout;
    for words in [
        "search[.FORMAT] filter=VALUE [numbers=VALUE] [sort=VALUE]",
        "--filter <JSON OBJECT>",
        "[aliases: n]",
        "[default: [3]]",
    ] {
        assert!(help.contains(words), "{words}: {help}");
    }
    assert!(!help.contains("--order_by"), "{help}");
    for words in [&["--help"][..], &["-h"]] {
        let help = run(words);
        assert_eq!(help.code, Some(0), "{help:?}");
        assert!(help.stdout.contains("--model-mock") && help.stdout.contains("--config"));
    }
    let folder = tempfile::tempdir().unwrap();
    let help = ran(testbed::command(folder.path()).arg("--help"));
    assert!(help.code == Some(0) && help.stdout.contains("http") && help.stdout.contains("cmd"));
    let nothing = ran(&mut testbed::command(folder.path()));
    assert!(
        nothing.code == Some(2) && nothing.stdout.is_empty() && nothing.stderr.contains("http")
    );
    let unknown = ran(testbed::command(folder.path()).arg("htp"));
    assert!(
        unknown.code == Some(2) && unknown.stderr.contains("'http'"),
        "{unknown:?}"
    );
}

#[test]
fn arguments_that_are_not_utf_8_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let odd = OsStr::from_bytes(b"x=\xff");
    for words in [[OsStr::new("squared"), odd], [odd, OsStr::new("x=1")]] {
        let ran = ran(testbed::command(folder.path()).arg("cmd").args(words));
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""));
        assert!(ran.stderr.contains("UTF-8"), "{ran:?}");
    }
    for words in [
        &[b"squared".as_slice(), b"x=\xff"][..],
        &[b"squared", b"--x=\xff"],
        &[b"squared", b"--x", b"\xff"],
        &[b"squared", b"\xff"],
        &[b"squared/\xff"],
    ] {
        let words = words.iter().copied().map(OsStr::from_bytes);
        let ran = ran(testbed::command(folder.path()).arg("cmd").args(words));
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""));
        let named = "error: argument 'x': \"\u{fffd}\" is not UTF-8: give it as UTF-8 text\n";
        assert_eq!(ran.stderr, named);
    }
    let ran = ran(testbed::command(folder.path()).arg(odd));
    assert_eq!(ran.code, Some(2), "{ran:?}");
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
fn colours_are_for_terminals() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, value: &str| {
        let mut command = testbed::command(folder.path());
        ran(command.env(name, value).args(["cmd", "multiply/2/3"]))
    };
    run("A", "a").says("2 * 3 = 6\n");
    run("NO_COLOR", "1").says("2 * 3 = 6\n");
    run("CLICOLOR_FORCE", "1").says("\x1b[32m2 * 3 = \x1b[31m6\x1b[0m\n");
    let environments = [("A", "a"), ("NO_COLOR", "1")];
    let [coloured, plain] =
        environments.map(|variable| on_terminal(&[variable], &["multiply/2/3"], Shown::Both));
    assert!(coloured.contains("\x1b[32m2 * 3"), "{coloured:?}");
    assert_eq!(plain.trim_end(), "2 * 3 = 6");
}

/// What of a command a terminal shows; the other stream goes to a file.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Both,
    Stdout,
    Stderr,
}

/// What `testbed cmd WORDS..` says on a terminal, which `script` gives it.
fn on_terminal(variables: &[(&str, &str)], words: &[&str], shown: Shown) -> String {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = match shown {
        Shown::Both => "",
        Shown::Stdout => " 2>/dev/null",
        Shown::Stderr => " >/dev/null",
    };
    // The words are variables, so that the shell takes them as they are.
    let names: Vec<_> = (0..words.len()).map(|n| format!("WORD{n}")).collect();
    let given: String = names.iter().map(|name| format!(" \"${name}\"")).collect();
    let line = format!("{} cmd{given}{elsewhere}", testbed::path().display());
    let mut script = Command::new("script");
    script
        .env_clear()
        .env("TERM", "xterm")
        .env("PATH", "/usr/bin:/bin")
        .envs(variables.iter().copied())
        .envs(names.iter().zip(words))
        .current_dir(folder.path());
    let output = script
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .expect("`script`, of the package bsdutils");
    String::from_utf8(output.stdout).unwrap()
}

/// Sequences that move the cursor, clear the screen, set the title or a colour, or turn text around.
const HOSTILE: &str =
    "a\x1b[2J\x1b]0;title\x07\x1b[31mb\u{9b}1A\u{9d}0;t\u{9c}\u{202e}c\u{2066}\x08\x7f\rd";
const VISIBLE: &str = r"a\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}[31mb\u{9b}1A\u{9d}0;t\u{9c}\u{202e}c\u{2066}\u{8}\u{7f}\rd";

/// Whether a terminal would obey something in `text`.
fn is_obeyed(text: &str) -> bool {
    let text = text.replace("\r\n", "\n");
    let mut characters = text.chars();
    characters.any(|c| c.is_control() && c != '\n' || "\u{202e}\u{2066}".contains(c))
}

#[test]
fn data_on_a_terminal_is_visible_and_in_a_pipe_as_it_is() {
    let argument = format!("text={HOSTILE}");
    for program in ["echo", "echo.txt", "echo.html"] {
        let shown = on_terminal(&[], &[program, &argument], Shown::Both);
        assert!(shown.contains(VISIBLE), "{program} {shown:?}");
        assert!(!is_obeyed(&shown), "{program} {shown:?}");
        let piped = run(&[program, &argument]);
        assert!(piped.stdout.contains(HOSTILE), "{program} {piped:?}");
    }
    // JSON escapes the one half itself.
    let json = on_terminal(&[], &["echo.json", &argument], Shown::Both);
    assert!(
        json.contains(r"\u001b[2J") && json.contains(r"\u{9b}1A"),
        "{json:?}"
    );
    assert!(!is_obeyed(&json), "{json:?}");
    // Text in other scripts is not touched.
    let text = "שלום 👩\u{200d}💻 ü\tz";
    let shown = on_terminal(&[], &["echo", &format!("text={text}")], Shown::Stdout);
    assert_eq!(shown.trim_end(), text);
}

#[test]
fn errors_help_and_advice_on_a_terminal_obey_no_data() {
    let stored = format!("text={HOSTILE}");
    let unknown = format!("--{HOSTILE}=1").replace("\x1b[31m", "");
    for words in [
        &["blog/post", HOSTILE][..],
        &["failing/hostile"],
        &["echo", &unknown],
        &[HOSTILE],
        &["-v", "echo", &stored],
        &["mgt/cache/get", "echo", &stored],
        &["mgt/cache/explain", "echo", &stored],
        &["mgt/cache/purge", "tag=a\x1b[2Jb"],
    ] {
        for shown in [Shown::Both, Shown::Stderr] {
            let said = on_terminal(&[], words, shown);
            assert!(!is_obeyed(&without_colours(&said)), "{words:?} {said:?}");
        }
    }
    let error = on_terminal(&[], &["failing/hostile"], Shown::Stderr);
    assert_eq!(error.trim_end(), format!("error: {VISIBLE}"));
    let piped = run(&["failing/hostile"]);
    assert_eq!(piped.stderr, format!("error: {HOSTILE}\n"));
    // Help keeps the colours of the command line itself.
    let help = on_terminal(&[], &["echo", "--help"], Shown::Both);
    assert!(help.contains("Says what it was told."), "{help:?}");
}

/// `text` without the colours of the command line's own messages.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.split_once('m') {
        Some((colour, rest)) if colour.bytes().all(|b| b.is_ascii_digit() || b == b';') => {
            text + rest
        }
        _ => text + "\x1b[" + part,
    })
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
fn a_command_says_that_no_cache_is_configured_if_it_is_asked_how_it_came_by_its_page() {
    let note = "note: no cache is configured";
    let says = |words: &[&str]| on_terminal(&[], words, Shown::Stderr).contains(note);
    assert!(says(&["-v", "squared", "x=12"]));
    assert!(!says(&["squared", "x=12"]));
    assert!(!says(&["-v", "nocache", "x=12"]));
    assert!(!says(&["-v", "squared", "x=12", "--set", "cache=dummy"]));
    assert!(!run(&["-v", "squared", "x=12"]).stderr.contains(note));
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
fn parameters_may_be_called_like_the_options_of_every_program() {
    run(&["odd", "help=a", "model_mock=b", "long_name=1"]).says("ab1\n");
    run(&["odd", "--help=a", "--model_mock=b", "--long_name=2"]).says("ab2\n");
    run(&[
        "odd",
        "--help",
        "a",
        "--model-mock",
        "b",
        "--long-name",
        "3",
    ])
    .says("ab3\n");
    let mocked = run(&["--model-mock", "odd", "a"]);
    assert!(
        mocked.code == Some(1) && mocked.stderr.contains("has no mock"),
        "{mocked:?}"
    );
}
