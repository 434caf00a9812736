//! The forms of an argument.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::{ran, run, testbed};

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
