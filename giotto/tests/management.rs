//! The programs of the operator: on the command line of a real process over a database in a file, and in this process.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod common {
    #[expect(dead_code, reason = "only some of it is needed here")]
    pub(crate) mod server;
    pub(crate) mod testbed;
}

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use common::server::Server;
use common::testbed;
use giotto::cache::{Cache, Clock};
use giotto::prelude::*;
use giotto::{Controller, ErrorKind, Request, management, management_over};
use http_body_util::{BodyExt, Empty};
use serde_json::Value;
use tower_service::Service as _;

const SHARED: [&str; 4] = ["--set", "cache=database", "--set", "cache.deadline_ms=5000"];

/// A folder with a database, and commands that are run in it.
struct Desk(tempfile::TempDir);

#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Desk {
    /// With a table: to make it, a slow disk takes longer than others wait for it.
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.says(&["mgt/syncdb"]);
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs `testbed cmd WORDS..`.
    fn cmd(&self, words: &[&str]) -> Ran {
        self.with(&SHARED, words)
    }

    fn with(&self, settings: &[&str], words: &[&str]) -> Ran {
        let mut command = testbed::command(self.path());
        let output = command.arg("cmd").args(settings).args(words).output();
        let output = output.unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The standard output of a command that succeeds.
    fn says(&self, words: &[&str]) -> String {
        let ran = self.cmd(words);
        assert_eq!(ran.code, Some(0), "{words:?}: {ran:?}");
        ran.stdout
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.says(words)).unwrap()
    }

    /// Refused as wrong usage, in one line that has these `parts` in it.
    fn refuses(&self, words: &[&str], parts: &[&str]) {
        let ran = self.cmd(words);
        assert_eq!(
            (ran.code, &*ran.stdout),
            (Some(2), ""),
            "{words:?}: {ran:?}"
        );
        assert_eq!(ran.stderr.lines().count(), 1, "{words:?}: {ran:?}");
        for part in parts {
            assert!(ran.stderr.contains(part), "{words:?}, {part}: {ran:?}");
        }
    }

    fn is_stored(&self, invocation: &[&str]) -> bool {
        let words = [&["mgt/cache/get"], invocation].concat();
        let ran = self.cmd(&words);
        assert!(matches!(ran.code, Some(0 | 3)), "{words:?}: {ran:?}");
        ran.code == Some(0)
    }

    /// What the next request over HTTP would be told.
    fn next(&self, invocation: &[&str]) -> (String, String) {
        let report = self.json(&[&["mgt/cache/explain.json"], invocation].concat());
        let next = &report["next"][0];
        let text = |name: &str| next[name].as_str().unwrap_or_default().to_owned();
        (text("status"), text("reason"))
    }
}

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
        (Some(1), "error: sign in first\n")
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

/// Fills three formats of two invocations.
fn filled() -> Desk {
    let desk = Desk::new();
    for x in ["x=1", "x=2"] {
        for program in ["squared", "squared.html", "squared.json"] {
            desk.says(&[program, x]);
        }
    }
    desk
}

#[test]
fn expire_and_remove_mean_all_formats_of_an_invocation_or_the_one_that_is_named() {
    let desk = filled();
    let said = desk.says(&["mgt/cache/expire", "squared.html", "x=1"]);
    assert_eq!(said, "expired 1 page of squared {'x': 1}: text/html\n");
    assert!(!desk.is_stored(&["squared.html", "x=1"]));
    assert!(desk.is_stored(&["squared.json", "x=1"]));
    let said = desk.says(&["mgt/cache/remove", "squared", "x=1", "--yes"]);
    let removed = "removed 2 pages of squared {'x': 1}: application/json, text/cmd\n";
    assert_eq!(said, removed);
    let said = desk.says(&["mgt/cache/remove", "squared", "x=1", "--yes"]);
    assert_eq!(said, "nothing was stored of squared {'x': 1}\n");
    let removed = desk.json(&["mgt/cache/remove.json", "squared.json?x=2", "yes=true"]);
    assert_eq!(removed["removed"], serde_json::json!(["application/json"]));
    assert!(desk.is_stored(&["squared.html", "x=2"]));
    desk.refuses(
        &["mgt/cache/expire", "greet", "nmae=A"],
        &["did you mean 'name'"],
    );
    desk.refuses(&["mgt/cache/expire", "nocache", "1"], &["no .cache(..)"]);
    desk.refuses(&["mgt/cache/expire"], &["name a program"]);
}

#[test]
fn nothing_is_purged_by_accident() {
    let desk = filled();
    for (words, parts) in [
        (&[][..], &["nothing is named", "--all"][..]),
        (&["--yes"], &["nothing is named"]),
        (&["all=false", "--yes"], &["nothing is named"]),
        (&["program=", "--yes"], &["'program'", "missing"]),
        (&["tag=", "--yes"], &["'tag'", "missing"]),
        (&["program=squar", "--yes"], &["did you mean 'squared'"]),
        (&["program=s", "--yes"], &["there is no program \"s\""]),
        (&["program=lab", "--yes"], &["there is no program \"lab\""]),
        (&["program=squared/1", "--yes"], &["did you mean 'squared'"]),
        (
            &["program=squared.html", "--yes"],
            &["did you mean 'squared'"],
        ),
        (&["program=old", "--yes"], &["did you mean 'blog/post'"]),
        (&["program=SQUARED", "--yes"], &["there is no program"]),
        (&["program=squared*", "--yes"], &["did you mean 'squared'"]),
        (&["program=nocache", "--yes"], &["no .cache(..)"]),
        (
            &["tag=user:7", "--yes"],
            &["no page has the tag \"user:7\""],
        ),
        (&["tag=*", "--yes"], &["no page has the tag"]),
        (&["program=squared", "tag=a", "--yes"], &["several"]),
        (&["program=squared", "--all", "--yes"], &["several"]),
        (
            &["program=squared"],
            &["all pages of the program squared", "--yes"],
        ),
        (&["--all", "yes=false"], &["Nothing was done"]),
        (&["--all", "yes=maybe"], &["'yes'"]),
    ] {
        for program in ["mgt/cache/invalidate", "mgt/cache/purge"] {
            desk.refuses(&[&[program], words].concat(), parts);
        }
    }
    for (words, parts) in [
        (&["squared", "--yes"][..], &["'x'", "missing"][..]),
        (&["squared", "x=", "--yes"], &["'x'"]),
        (&["squared", "x=1", "y=2", "--yes"], &["'y'"]),
        (&["x=1", "--yes"], &["of which program"]),
        (
            &["squared", "x=1"],
            &["this removes the pages of squared {'x': 1} as", "--yes"],
        ),
        (&["squared", "x=1", "yes=false"], &["Nothing was done"]),
    ] {
        desk.refuses(&[&["mgt/cache/remove"], words].concat(), parts);
    }
    desk.refuses(
        &["mgt/cache/invalidate", "--all"],
        &["this invalidates all pages", "where an old page may be"],
    );
    desk.refuses(
        &["mgt/cache/purge", "--all"],
        &["this purges all pages", "never served again"],
    );
    is_filled(&desk);
}

/// Of what `purge` once did, each is refused with the program that does it now.
#[test]
fn a_program_that_is_soft_or_hard_names_the_other() {
    let desk = filled();
    for (program, words, remedy) in [
        ("purge", &["squared", "x=1"][..], "`remove`: remove squared"),
        ("purge", &["squared?x=1"], "`remove`: remove squared?x=1"),
        ("purge", &["--all", "squared", "x=1"], "`remove`"),
        ("purge", &["--all", "--hard"], "`invalidate`"),
        ("purge", &["--all", "hard=false"], "`invalidate`"),
        (
            "invalidate",
            &["squared", "x=1"],
            "`expire`: expire squared",
        ),
        ("invalidate", &["tag=a", "squared", "x=1"], "`expire`"),
        ("invalidate", &["--all", "--hard"], "`purge`"),
        ("invalidate", &["program=squared", "hard=true"], "`purge`"),
    ] {
        let path = format!("mgt/cache/{program}");
        desk.refuses(&[&[&*path], words, &["--yes"]].concat(), &[remedy]);
    }
    is_filled(&desk);
}

fn is_filled(desk: &Desk) {
    for x in ["x=1", "x=2"] {
        for program in ["squared", "squared.html", "squared.json"] {
            let next = desk.next(&[program, x]);
            assert_eq!(next, ("hit".to_owned(), String::new()), "{program} {x}");
        }
    }
}

#[test]
fn an_invalidated_program_is_computed_again_by_every_process_and_nothing_else_is() {
    let desk = filled();
    let server = Server::start_in(desk.path(), &SHARED);
    let status = |target: &str| {
        let reply = server.get(target, "");
        reply.field("cache-status").unwrap().to_owned()
    };
    assert!(status("/squared.html?x=1").starts_with("giotto; hit"));
    desk.says(&["paint.html", "red"]);
    let said = desk.says(&["mgt/cache/invalidate", "program=squared", "--yes"]);
    let done = "all pages of the program squared are old: 1 write, and every process knows\n";
    assert_eq!(said, done);
    let missed = status("/squared.html?x=1");
    assert!(missed.contains("invalidated program squared"), "{missed}");
    assert!(status("/paint.html?colour=red").starts_with("giotto; hit"));

    let said = desk.says(&["mgt/cache/purge", "all=true", "--yes"]);
    let done = "all pages are never served again: 1 write, and every process knows\n";
    assert_eq!(said, done);
    let missed = status("/paint.html?colour=red");
    assert!(missed.contains("invalidated all"), "{missed}");
}

/// Runs a command with a terminal around it, and `typed` into that.
fn at_terminal(desk: &Desk, words: &str, typed: &str) -> (Option<i32>, String) {
    let line = format!(
        "{} cmd {} {words}",
        testbed::path().display(),
        SHARED.join(" ")
    );
    let mut script = Command::new("script");
    script
        .args(["-qec", &line, "/dev/null"])
        .current_dir(desk.path());
    let mut child = script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    let screen = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), screen)
}

#[test]
fn remove_asks_at_a_terminal() {
    let desk = filled();
    let remove = "mgt/cache/remove squared x=1";
    for typed in ["n\n", "\n", "yess\n"] {
        let (code, screen) = at_terminal(&desk, remove, typed);
        assert!(
            screen.contains("this removes the pages of squared {'x': 1}"),
            "{screen}"
        );
        assert!(screen.contains("Go on? [y/N]"), "{screen}");
        assert!(screen.contains("nothing was removed"), "{screen}");
        assert_eq!(code, Some(1));
        assert!(desk.is_stored(&["squared", "x=1"]));
    }
    let (code, screen) = at_terminal(&desk, remove, "y\n");
    assert!(screen.contains("removed 3 pages of squared"), "{screen}");
    assert_eq!(code, Some(0));
    assert!(!desk.is_stored(&["squared", "x=1"]));
}

#[test]
fn warm_computes_what_is_not_fresh() {
    let desk = Desk::new();
    let warm = |words: &[&'static str]| {
        let report = desk.json(&[&["mgt/cache/warm.json"], words].concat());
        let number = |name: &str| report[name].as_u64().unwrap();
        (number("pages"), number("computed"), number("skipped"))
    };
    assert_eq!(
        warm(&["squared", "x=1..5", "formats=html,json"]),
        (10, 10, 0)
    );
    assert_eq!(
        warm(&["squared", "x=4..7", "--formats=html,htm"]),
        (4, 2, 2)
    );
    assert_eq!(warm(&["squared/1..3"]), (12, 6, 6));
    assert_eq!(warm(&["squared.html", "x=1..3", "refresh=true"]), (3, 3, 0));
    assert_eq!(warm(&["squared.html", "--x=-4..4..2", "jobs=5"]), (5, 3, 2));
    assert_eq!(warm(&["squared.html", "x=1,2,20..22"]), (5, 3, 2));
    assert_eq!(warm(&["multiply.csv", "1..2", "y=1..3"]), (6, 6, 0));
    // Only whole numbers have ranges, and only what is one is a range.
    assert_eq!(warm(&["echo.html", "text=1.5..a"]), (1, 1, 0));
    assert_eq!(warm(&["echo.html", "text=1,2"]), (1, 1, 0));
    assert!(desk.is_stored(&["echo.html", "text=1.5..a"]));
    assert_eq!(warm(&["number.html", "-1.5", "y=-2..0"]), (3, 3, 0));
    assert!(desk.is_stored(&["number.html", "x=-1.5", "--y", "-2"]));
    assert_eq!(warm(&["search.html", "{\"a\":1}", "n=[]"]), (1, 1, 0));
    assert!(desk.is_stored(&["search.html", "filter={\"a\": 1}", "numbers=[]"]));
    assert!(desk.is_stored(&["multiply.csv/2/3"]));
    assert!(desk.is_stored(&["squared.html", "-2"]));
    assert!(!desk.is_stored(&["squared.html", "-1"]));
    let text = desk.says(&["mgt/cache/warm", "squared.html", "x=1..9"]);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("pages           9 in "), "{text}");
    assert_eq!(
        lines[1..],
        ["computed        2", "skipped, fresh  7"],
        "{text}"
    );
}

#[test]
fn warm_refuses_what_it_cannot_warm() {
    let desk = Desk::new();
    for (words, parts) in [
        (&[][..], &["name a program"][..]),
        (&["nocache", "x=1..3"], &["no .cache(..)"]),
        (&["squared", "x=3..1"], &["backwards", "1..3"]),
        (&["squared", "x=1.."], &["1..100"]),
        (&["squared", "x=1..2..0"], &["positive"]),
        (&["squared", "x=1,,2"], &["1..100"]),
        (&["squared", "x=1..1000001"], &["1,000,000"]),
        (&["squared", "x=1..99999999999999999999"], &["64 bits"]),
        (&["multiply", "1..1001", "1..1001"], &["1,000,000"]),
        (&["squared", "1..3", "4"], &["too many"]),
        (&["squared", "y=1..3"], &["'y'"]),
        (&["squared"], &["'x'", "missing"]),
        (&["paint", "red", "1..300"], &["'coats'"]),
        (
            &["echo", "text=1..50"],
            &["'text'", "1..50", "whole number"],
        ),
        (&["echo", "1..50"], &["'text'", "whole number"]),
        (&["echo?text=1..3,5"], &["'text'", "whole number"]),
        (&["sum", "numbers=1..5"], &["'numbers'", "whole number"]),
        (&["number", "x=1..5"], &["'x'", "whole number"]),
        (&["search", "{\"a\":1}", "n=1..5"], &["'n'", "whole number"]),
        (&["squared", "x=1", "formats=csv"], &["'formats'", ".html"]),
        (&["squared", "x=1", "formats="], &["'formats'"]),
        (&["squared.html", "x=1", "formats=json"], &["leave one"]),
        (&["squared", "x=1", "jobs=0"], &["'jobs'", "1 to 64"]),
        (&["squared", "x=1", "jobs=65"], &["'jobs'"]),
        (&["squared", "x=1", "budget=0"], &["'budget'"]),
        (&["squared", "x=1", "budget=-1"], &["'budget'"]),
    ] {
        desk.refuses(&[&["mgt/cache/warm"], words].concat(), parts);
    }
    assert!(!desk.is_stored(&["squared", "x=1"]));
}

#[test]
fn warm_fails_if_a_model_fails_or_the_time_runs_out() {
    let desk = Desk::new();
    let ran = desk.cmd(&["mgt/cache/warm", "failing/fails.html"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("failed          1\n"), "{ran:?}");
    assert!(ran.stdout.contains("hunter2"), "{ran:?}");
    assert!(
        ran.stderr.ends_with("error: 1 page failed, see above\n"),
        "{ran:?}"
    );
    // A model that says "not found" has not failed.
    let report = desk.json(&["mgt/cache/warm.json", "blog/post.html", "id=1..3"]);
    assert_eq!(
        (&report["computed"], &report["no_page"]),
        (&1.into(), &2.into())
    );
    let errors = report["errors"].as_array().unwrap().iter();
    let mut named: Vec<_> = errors.map(|error| &error["invocation"]).collect();
    // In the order in which the models ended.
    named.sort_by_key(|invocation| invocation.as_str());
    assert_eq!(
        named,
        [
            "blog/post.html id=2 as text/html",
            "blog/post.html id=3 as text/html"
        ]
    );
    // Its gate is never opened.
    let ran = desk.cmd(&[
        "mgt/cache/warm.json",
        "lab/gated.html",
        "name=a",
        "budget=1",
    ]);
    assert_eq!(ran.code, Some(1));
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&report["left"], &report["failed"]), (&1.into(), &0.into()));
    assert!(
        ran.stderr.contains("the budget ran out with 1 page left"),
        "{ran:?}"
    );
}

#[test]
fn stats_says_whose_counters_they_are() {
    let desk = Desk::new();
    let text = desk.says(&["mgt/cache/stats"]);
    assert!(text.starts_with("store "), "{text}");
    assert!(text.contains("\nhits             0\n"), "{text}");
    assert!(
        text.contains("the counters of this command, which has just started"),
        "{text}"
    );
    assert_eq!(desk.json(&["mgt/cache/stats.json"])["counts"]["hits"], 0);
}

#[test]
fn stats_says_what_the_store_holds() {
    let desk = Desk::new();
    desk.says(&["mgt/cache/warm", "squared.html", "x=1..30"]);
    let text = desk.says(&["mgt/cache/stats"]);
    for part in [
        "\nentries          30 of 1,000,000\n",
        " KiB (",
        " bytes) of 256 MiB\n",
        "\nfigures of       the whole table: every namespace",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let report = desk.json(&["mgt/cache/stats.json"]);
    let [layer] = report["layers"].as_array().unwrap().as_slice() else {
        panic!("not one layer: {report}");
    };
    assert_eq!(
        (&layer["entries"], &layer["max_entries"]),
        (&30.into(), &1_000_000.into())
    );
    assert!(layer["bytes"].as_u64() > Some(30 * 128), "{layer}");
    assert_eq!(
        (&layer["is_estimate"], &layer["evictions"], &layer["error"]),
        (&false.into(), &Value::Null, &Value::Null)
    );
    desk.says(&["mgt/flush"]);
    let emptied = desk.json(&["mgt/cache/stats.json"]);
    assert_eq!(emptied["layers"][0]["entries"], 0);
}

#[cfg(feature = "redis")]
#[test]
fn a_layer_that_does_not_answer_is_said_so_beside_those_that_do() {
    let desk = Desk::new();
    // Nobody listens on that port.
    let layers = ["--set", "cache=[\"locmem\", \"redis://127.0.0.1:1\"]"];
    let ran = desk.with(&layers, &["mgt/cache/stats"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for part in [
        "store            LocMemKeyValue",
        "\nentries          0\nbytes            0 bytes of 64 MiB\n",
        "\nfigures of       the memory of this process\nstore            RedisKeyValue",
        "\n                 did not answer: Redis at 127.0.0.1:1: ",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {ran:?}");
    }
    let ran = desk.with(&layers, &["mgt/cache/stats.json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["layers"][0]["entries"], 0);
    assert_eq!(report["layers"][1]["entries"], Value::Null);
    let error = report["layers"][1]["error"].as_str().unwrap();
    assert!(error.starts_with("Redis at 127.0.0.1:1: "), "{error}");
}

#[test]
fn a_cache_that_a_command_cannot_reach_is_said_so() {
    let desk = Desk::new();
    let locmem = ["--set", "cache=locmem"];
    for (settings, part) in [
        (&locmem[..], "lives in the memory of each process"),
        (&[], "no cache is configured"),
    ] {
        for words in [
            &["mgt/cache/expire", "squared", "x=1"][..],
            &["mgt/cache/remove", "squared", "x=1", "--yes"],
            &["mgt/cache/invalidate", "--all", "--yes"],
            &["mgt/cache/purge", "--all", "--yes"],
            &["mgt/cache/warm", "squared", "x=1..3"],
        ] {
            let ran = desk.with(settings, words);
            assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{ran:?}");
            assert!(ran.stderr.contains(part), "{words:?}: {ran:?}");
        }
    }
    let ran = desk.with(&locmem, &["mgt/cache/explain", "squared", "x=1"]);
    assert!(ran.stdout.contains("note "), "{ran:?}");
    let ran = desk.with(&[], &["mgt/cache/explain", "squared", "x=1"]);
    assert!(
        ran.stdout.contains("nothing is stored (first-seen)"),
        "{ran:?}"
    );
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
        ("stats", &["since it started"]),
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

// In this process, where programs can have tags.

#[derive(Serialize, Deserialize)]
struct Of {
    tag: String,
}

/// A program whose parameter is called like one of `purge`, with management for all front ends.
fn tagged(cache: Cache) -> (App, Arc<AtomicU64>) {
    let runs = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&runs);
    let model = move |Of { tag }: Of| {
        counter.fetch_add(1, Ordering::SeqCst);
        tag
    };
    let policy = Policy::seconds(60).stale_if_error(600);
    let page = Program::new(model)
        .tags(|of: &Of| [format!("of:{}", of.tag)])
        .cache(policy)
        .view(BasicView::new());
    let everywhere = management_over([HTTP_GET, HTTP_POST, CMD]);
    let manifest = Manifest::new([("page", page)]).with("admin", everywhere);
    (App::new(manifest).with_cache(cache), runs)
}

async fn ask(
    app: &App,
    controller: Controller,
    path: &str,
    data: &[(&'static str, &'static str)],
) -> Result<String, Error> {
    let mut request = Request::new(controller, path);
    for (name, value) in data {
        request = request.argument(name, *value);
    }
    let rendered = app.invoke(&mut request).await?;
    app.shared_cache().settle().await;
    Ok(String::from_utf8(rendered.body().to_vec()).unwrap())
}

#[tokio::test]
async fn a_tag_is_invalidated_if_a_page_has_used_it() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("pages.sqlite3").display());
    let store = Arc::new(DatabaseKeyValue::from_url(&url).unwrap());
    // So that a machine under load loses no page.
    let cache = Cache::builder(store).deadline(Duration::from_secs(30));
    let (app, runs) = tagged(cache.build());
    let invalidate = "admin/cache/invalidate.txt";
    for tag in ["a", "b"] {
        ask(&app, HTTP_GET, "page.txt", &[("tag", tag)])
            .await
            .unwrap();
    }
    for wrong in ["of:", "of", "of:c", "OF:A", "%"] {
        let data = [("tag", wrong), ("yes", "true")];
        let refused = ask(&app, CMD, invalidate, &data).await.unwrap_err();
        assert_eq!(*refused.kind(), ErrorKind::InvalidInput, "{refused}");
    }
    let data = [("tag", "of:a"), ("yes", "true")];
    let said = ask(&app, CMD, invalidate, &data).await.unwrap();
    assert_eq!(
        said,
        "all pages with the tag of:a are old: 1 write, and every process knows\n"
    );
    for (tag, expected) in [("b", 2), ("a", 3)] {
        ask(&app, HTTP_GET, "page.txt", &[("tag", tag)])
            .await
            .unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn a_name_of_the_program_itself_wins_and_the_query_reaches_the_other() {
    let (app, _) = tagged(Cache::new(LocMemKeyValue::new()));
    ask(&app, HTTP_GET, "page.txt", &[("tag", "a")])
        .await
        .unwrap();
    let refused = ask(&app, HTTP_POST, "admin/cache/purge/page", &[("tag", "a")]).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("remove page"), "{refused}");
    let data = [("invocation", "page?tag=a"), ("yes", "true")];
    let said = ask(&app, HTTP_POST, "admin/cache/remove.txt", &data)
        .await
        .unwrap();
    assert!(
        said.starts_with("removed 1 page of page {'tag': 'a'}: text/plain\n"),
        "{said}"
    );
}

#[tokio::test]
async fn over_http_a_server_can_be_asked_and_get_changes_nothing() {
    let (app, runs) = tagged(Cache::new(LocMemKeyValue::new()));
    ask(&app, HTTP_GET, "page.txt", &[("tag", "a")])
        .await
        .unwrap();
    ask(&app, HTTP_GET, "page.txt", &[("tag", "a")])
        .await
        .unwrap();
    let stats = ask(&app, HTTP_GET, "admin/cache/stats.json", &[])
        .await
        .unwrap();
    let stats: Value = serde_json::from_str(&stats).unwrap();
    assert_eq!(
        (&stats["counts"]["hits"], &stats["counts"]["computed"]),
        (&1.into(), &1.into())
    );
    assert_eq!(stats["note"], Value::Null);
    let path = "admin/cache/explain.json/page.txt";
    let report = ask(&app, HTTP_GET, path, &[("tag", "a")]).await.unwrap();
    assert!(report.contains("\"status\":\"hit\""), "{report}");
    for program in [
        "cache/expire",
        "cache/remove",
        "cache/invalidate",
        "cache/purge",
        "cache/warm",
        "flush",
        "syncdb",
    ] {
        let path = format!("admin/{program}");
        let refused = ask(&app, HTTP_GET, &path, &[]).await.unwrap_err();
        let methods = ErrorKind::WrongController(vec!["POST"]);
        assert_eq!(*refused.kind(), methods, "{program}");
    }
    let purge = [("all", "true"), ("yes", "true")];
    let said = ask(&app, HTTP_POST, "admin/cache/purge.txt", &purge)
        .await
        .unwrap();
    assert!(said.contains("this process knows"), "{said}");
    ask(&app, HTTP_GET, "page.txt", &[("tag", "a")])
        .await
        .unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    // A server is never asked at its own terminal.
    let refused = ask(&app, HTTP_POST, "admin/cache/purge", &[("all", "true")]).await;
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("Nothing was done")
    );
}

#[tokio::test]
async fn an_application_guards_them_or_leaves_them_out() {
    let guarded =
        management_over([HTTP_GET, CMD]).input_middleware(|request| match request.controller() {
            CMD => Ok(()),
            _ => Err(Error::not_authorized("for operators")),
        });
    let app = App::new(Manifest::new([("mgt", guarded)])).cache(LocMemKeyValue::new());
    app.check().unwrap();
    ask(&app, CMD, "mgt/cache/stats", &[]).await.unwrap();
    let refused = ask(&app, HTTP_GET, "mgt/cache/stats", &[])
        .await
        .unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::NotAuthorized);

    let only_looks = App::new(Manifest::new([("mgt", management_over([HTTP_GET]))]));
    only_looks.check().unwrap();
    let refused = ask(&only_looks, HTTP_POST, "mgt/cache/purge", &[])
        .await
        .unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::NoProgram);

    let nobody = App::new(Manifest::new([("mgt", management_over([]))]));
    for controller in [HTTP_GET, HTTP_POST, CMD] {
        let refused = ask(&nobody, controller, "mgt/cache/stats", &[])
            .await
            .unwrap_err();
        assert_eq!(*refused.kind(), ErrorKind::NoProgram);
    }

    // A check that would not reach all programs is an error, and no hole.
    let original = management();
    let copy = original.clone().input_middleware(|_| Ok(()));
    let refused = App::new(Manifest::new([("mgt", copy)]))
        .check()
        .unwrap_err();
    assert!(refused.to_string().contains("cloned"), "{refused}");
    App::new(original).check().unwrap();
}

#[tokio::test]
async fn expire_leaves_an_old_page_for_when_the_model_fails() {
    let clock = Clock::manual(1_000_000);
    let store = Arc::new(LocMemKeyValue::new());
    let cache = Cache::builder(store).clock(clock.clone()).build();
    let (app, _) = tagged(cache);
    ask(&app, HTTP_GET, "page.txt", &[("tag", "a")])
        .await
        .unwrap();
    clock.advance(Duration::from_secs(20));
    let data = [("invocation", "page?tag=a")];
    let said = ask(&app, HTTP_POST, "admin/cache/expire.txt", &data)
        .await
        .unwrap();
    assert!(
        said.starts_with("expired 1 page of page {'tag': 'a'}: text/plain\n"),
        "{said}"
    );
    let report = ask(
        &app,
        HTTP_GET,
        "admin/cache/explain.txt/page.txt",
        &[("tag", "a")],
    )
    .await;
    let report = report.unwrap();
    let next = "the model runs, and its page is stored (expired); if it fails, the old page\n";
    assert!(report.contains(next), "{report}");
    assert!(
        report.contains("fresh no more, kept for 10 min\n"),
        "{report}"
    );
    let got = ask(
        &app,
        HTTP_GET,
        "admin/cache/get.txt/page.txt",
        &[("tag", "a")],
    )
    .await;
    assert_eq!(got.unwrap().trim(), "a");
}

/// A store that takes nothing.
#[derive(Debug)]
struct Full;

#[giotto::cache::async_trait]
impl KeyValue for Full {
    async fn get(&self, _: &str) -> giotto::cache::Result<Option<Bytes>> {
        Ok(None)
    }

    async fn set(&self, _: &str, _: Bytes, _: Option<Duration>) -> giotto::cache::Result<()> {
        let error = giotto::cache::Error::new(giotto::cache::ErrorKind::Backend, "it is full");
        Err(error)
    }
}

#[tokio::test]
async fn a_warm_that_fails_over_http_has_its_report_in_every_format() {
    let (app, _) = tagged(Cache::new(Full));
    let service = app.into_service().unwrap();
    for (format, mimetype, part) in [
        (".json", "application/json", "\"pages\":1,\"computed\":0"),
        (".txt", "text/plain; charset=utf-8", "pages           1 in "),
        ("", "text/html; charset=utf-8", "<th>pages</th><td>1</td>"),
    ] {
        let target = format!("/admin/cache/warm{format}/page.txt?tag=a&jobs=1");
        let request = http::Request::post(target).body(Empty::<Bytes>::new());
        let response = service.clone().call(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], mimetype);
        assert_eq!(response.headers()["cache-control"], "no-store");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(part), "{format}: {body}");
    }
    // What cannot be begun has no report.
    let request = http::Request::post("/admin/cache/warm.json/page.txt?tag=a&jobs=0");
    let response = service
        .clone()
        .call(request.body(Empty::<Bytes>::new()).unwrap());
    assert_eq!(response.await.unwrap().status(), 400);
}

#[tokio::test]
async fn warm_fails_if_the_store_takes_nothing() {
    let (app, runs) = tagged(Cache::new(Full));
    let data = [("tag", "a"), ("jobs", "1")];
    let failed = ask(&app, CMD, "admin/cache/warm.txt/page.txt", &data)
        .await
        .unwrap_err();
    assert!(failed.to_string().contains("the store failed "), "{failed}");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[derive(Serialize, Deserialize)]
struct Book {
    page: i64,
    #[serde(alias = "language")]
    lang: String,
    #[serde(default)]
    sort: String,
}

/// What middleware sets is not what was asked for: nothing works on another page than the one that was named.
#[tokio::test]
async fn an_argument_that_middleware_replaces_is_refused_by_its_name() {
    let runs = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&runs);
    let model = move |book: Book| {
        counter.fetch_add(1, Ordering::SeqCst);
        format!("{}{}{}", book.page, book.lang, book.sort)
    };
    let books = Program::new(model)
        .cache(3600)
        .input_middleware(|request: &mut Request<'_>| {
            let is_third = request
                .data()
                .iter()
                .any(|(_, page)| page.to_string() == "3");
            request.set("lang", if is_third { "it" } else { "de" });
            Ok(())
        })
        .view(BasicView::new());
    let manifest = Manifest::new([("books", books)]).with("admin", management_over([CMD]));
    let app = App::new(manifest).cache(LocMemKeyValue::new());
    // The memory of this process is all that there is here: HTTP would reach it.
    let manage = |program: &'static str, data: &'static [(&str, &str)]| {
        let app = app.clone();
        async move {
            ask(
                &app,
                CMD,
                &format!("admin/cache/{program}.txt/books.txt"),
                data,
            )
            .await
        }
    };
    let explained = manage("explain", &[("page", "1"), ("lang", "fr")])
        .await
        .unwrap();
    assert!(
        explained.contains("{'page': 1, 'lang': 'de', 'sort': ''}"),
        "{explained}"
    );
    let replaced = "\nreplaced   lang (middleware sets it";
    assert!(explained.contains(replaced), "{explained}");
    for data in [
        &[("page", "1"), ("lang", "fr")][..],
        &[("page", "1"), ("language", "de")],
    ] {
        for program in ["get", "expire", "remove"] {
            let words = [data, &[("yes", "true")]].concat();
            let words = if program == "remove" {
                words
            } else {
                data.to_vec()
            };
            let path = format!("admin/cache/{program}.txt/books.txt");
            let refused = ask(&app, CMD, &path, &words).await.unwrap_err();
            assert_eq!(*refused.kind(), ErrorKind::InvalidInput, "{refused}");
            assert!(refused.to_string().contains("'lang'"), "{refused}");
        }
    }
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

/// The same on a store that a command reaches, so that warming is of use there.
#[tokio::test]
async fn warm_computes_what_was_asked_for_or_names_the_argument_that_was_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("pages.sqlite3").display());
    let store = Arc::new(DatabaseKeyValue::from_url(&url).unwrap());
    let cache = Cache::builder(store).deadline(Duration::from_secs(30));
    let books = Program::new(|book: Book| format!("{}{}{}", book.page, book.lang, book.sort))
        .cache(3600)
        .input_middleware(|request: &mut Request<'_>| {
            let is_third = request
                .data()
                .iter()
                .any(|(_, page)| page.to_string() == "3");
            request.set("lang", if is_third { "it" } else { "de" });
            Ok(())
        })
        .view(BasicView::new());
    let manifest = Manifest::new([("books", books)]).with("admin", management_over([CMD]));
    let app = App::new(manifest).with_cache(cache.build());
    let warm = "admin/cache/warm.txt/books.txt";
    for data in [
        &[("page", "1..2"), ("lang", "fr")][..],
        &[("page", "1..2"), ("language", "fr")],
    ] {
        let refused = ask(&app, CMD, warm, data).await.unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains("'lang'"), "{refused}");
    }
    let data = [("page", "1..2"), ("lang", "fr")];
    let refused = ask(&app, CMD, warm, &data).await.unwrap_err();
    assert!(
        refused.to_string().contains("sets it to \"de\""),
        "{refused}"
    );
    for path in ["/1..2/fr", "/1..2/fr/up"] {
        let refused = ask(&app, CMD, &format!("{warm}{path}"), &[])
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("'lang': \"fr\""), "{refused}");
    }
    // What is given is what middleware sets, or nothing.
    for (data, computed) in [
        (&[("page", "1..2"), ("lang", "de")][..], "computed        2"),
        (&[("page", "1..2")], "skipped, fresh  2"),
    ] {
        let report = ask(&app, CMD, warm, data).await.unwrap();
        assert!(report.contains(computed), "{report}");
    }
    // In the middle of a range, too.
    let failed = ask(&app, CMD, warm, &[("page", "1..4"), ("lang", "de")])
        .await
        .unwrap_err();
    assert!(failed.to_string().contains("1 page failed"), "{failed}");
}
