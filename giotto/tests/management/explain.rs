//! `mgt/cache/explain` and `get`: an invocation, its key, its store and its clocks.

use serde_json::Value;

use crate::Desk;

#[test]
fn an_invocation_is_given_as_on_the_command_line_itself() {
    let desk = Desk::new();
    let first = desk.json(&["mgt/cache/explain.json", "squared.html", "x=12"]);
    assert_eq!(first["key"], "{'x': 12}(squared)(text/html)");
    assert_eq!(first["next"][0]["reason"], "first-seen");
    for words in [
        &["mgt/cache/explain.json", "squared.html/12"][..],
        &["mgt/cache/explain.json", "squared.html", "12"],
        &["mgt/cache/explain.json", "squared.html", "--x=12"],
        &["mgt/cache/explain.json", "squared.html", "--x", "12"],
        &["mgt/cache/explain.json", "--x", "12", "squared.html"],
        &["mgt/cache/explain.json", "squared.html?x=012"],
        &["mgt/cache/explain.json", "/squared.html/?x=%31%32"],
        &["mgt/cache/explain.json/squared.html/12"],
        &["mgt/cache/explain.json", "invocation=squared.html", "x=12"],
    ] {
        assert_eq!(desk.json(words), first, "{words:?}");
    }
    let plain = desk.json(&["mgt/cache/explain.json", "squared", "x=12"]);
    assert_eq!(plain["mimetype"], "text/cmd");
    let loud = desk.json(&["mgt/cache/explain.json", "speak", "--loud"]);
    assert_eq!(loud["arguments"], "{'loud': True}");
    let root = desk.says(&["mgt/cache/explain", "/"]);
    assert!(root.contains("/ keeps nothing"), "{root}");
}

#[test]
fn explain_shows_the_key_the_store_and_the_clocks() {
    let desk = Desk::new();
    let text = desk.says(&["mgt/cache/explain", "squared.html?x=12&y=1"]);
    for line in [
        "arguments                  {'x': 12}\n",
        "ignored                    y (",
        "key                        {'x': 12}(squared)(text/html)\n",
        ": absent\n",
        "next, over HTTP            the model runs, and its page is stored (first-seen)\n",
        "next, on the command line  an error, before the cache is asked: argument 'y'",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    desk.says(&["squared.html", "x=12"]);
    let text = desk.says(&["mgt/cache/explain", "squared.html", "x=12"]);
    for line in [
        "stored as  {'x': 12}(squared)(text/html)\n",
        ": an entry of ",
        "entry      10 bytes, computed ",
        "           fresh for ",
        "version    0\n",
        "next       a hit: the stored page\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn explain_shows_the_fields_that_are_stored_with_a_page() {
    let desk = Desk::new();
    desk.says(&["multiply.csv", "3", "2"]);
    let text = desk.says(&["mgt/cache/explain", "multiply.csv", "3", "2"]);
    let line = "fields     content-disposition: attachment; filename=\"6.csv\"\n";
    assert!(text.contains(line), "{text}");
    let known = desk.json(&["mgt/cache/explain.json", "multiply.csv", "3", "2"]);
    let metadata = &known["entry"]["metadata"];
    assert_eq!(metadata["status"], Value::Null);
    let disposition = &metadata["fields"]["content-disposition"];
    assert_eq!(disposition, "attachment; filename=\"6.csv\"");
    // A page without any has no such member.
    desk.says(&["multiply.html", "3", "2"]);
    let known = desk.json(&["mgt/cache/explain.json", "multiply.html", "3", "2"]);
    assert_eq!(known["entry"].get("metadata"), None);
}

#[test]
fn explain_refuses_what_cannot_be_explained_and_says_what_has_no_cache() {
    let desk = Desk::new();
    let words = |invocation: &[&'static str]| [&["mgt/cache/explain"], invocation].concat();
    desk.refuses(&words(&[]), &["name a program"]);
    desk.refuses(&words(&["x=12"]), &["of which program"]);
    desk.refuses(&words(&["squred", "x=12"]), &["did you mean 'squared'"]);
    desk.refuses(&words(&["squared"]), &["'x'", "missing"]);
    desk.refuses(&words(&["squared", "x=a"]), &["'x'"]);
    desk.refuses(&words(&["squared.csv", "x=1"]), &[".csv", ".html"]);
    desk.refuses(&words(&["squared/1/2"]), &["too many"]);
    desk.refuses(&words(&["submit", "x=1"]), &["http-post"]);
    desk.refuses(&words(&["echo?text=%ff"]), &["UTF-8"]);
    let text = desk.says(&words(&["nocache", "x=1"]));
    assert!(text.contains("nocache keeps nothing: it has no .cache(..)"));
    let report = desk.json(&["mgt/cache/explain.json", "nocache", "x=1"]);
    assert_eq!(report["is_cached"], false);
    // Middleware runs as in any invocation.
    let ran = desk.cmd(&words(&["whoami"]));
    assert_eq!(
        (ran.code, &*ran.stderr),
        (
            Some(1),
            "error: sign in first (middleware reads X-User, which is not given: --header='x-user: ..')\n"
        )
    );
}

#[test]
fn get_prints_the_stored_page_and_runs_no_model() {
    let desk = Desk::new();
    let ran = desk.cmd(&["mgt/cache/get", "stamp.html", "x=1"]);
    assert_eq!((ran.code, &*ran.stdout), (Some(3), ""), "{ran:?}");
    assert!(
        ran.stderr
            .contains("{'x': 1}(stamp)(text/html) (first-seen)")
    );
    let page = desk.says(&["stamp.html", "x=1"]);
    let ran = desk.cmd(&["mgt/cache/get.txt", "stamp.html", "x=1"]);
    assert_eq!((ran.code, ran.stdout), (Some(0), page.clone()));
    let line = "{'x': 1}(stamp)(text/html): fresh, computed ";
    assert!(ran.stderr.starts_with(line), "{}", ran.stderr);
    let got = desk.json(&["mgt/cache/get.json", "stamp.html/1"]);
    assert_eq!(
        (&got["reason"], got["body"].as_str().unwrap()),
        (&Value::Null, &*page)
    );
    desk.refuses(&["mgt/cache/get", "nocache", "x=1"], &["no .cache(..)"]);
    desk.refuses(&["mgt/cache/get", "squared", "y=1"], &["'y'", "takes 'x'"]);
}

#[test]
fn help_says_what_each_takes() {
    let desk = Desk::new();
    for (program, words) in [
        (
            "explain",
            &["squared.html x=12", "what the next request would get"][..],
        ),
        ("get", &["exit code is 3", "squared/12"]),
        ("stats", &["since they started"]),
        ("top", &["by", "limit", "watch"]),
        ("expire", &["in all its formats", "when the model fails"]),
        ("remove", &["in all its formats", "--yes", "`expire`"]),
        (
            "invalidate",
            &["--all", "--yes", "program=squared", "tag=user:7", "`purge`"],
        ),
        (
            "purge",
            &[
                "--all",
                "--yes",
                "program=squared",
                "tag=user:7",
                "`remove`",
            ],
        ),
        (
            "warm",
            &["x=1..100", "--jobs", "--budget", "--formats", "--refresh"],
        ),
    ] {
        let help = desk.says(&[&format!("mgt/cache/{program}"), "--help"]);
        for word in words {
            assert!(help.contains(word), "{program}, {word}: {help}");
        }
        assert!(!help.contains("--invocation"), "{help}");
    }
}
