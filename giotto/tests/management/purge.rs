//! `mgt/cache/purge` and `expire`: what they remove, and what they ask before.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::server::Server;
use crate::{Desk, SHARED, testbed};

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
    let done = "all pages of the program squared are old: 1 write, and 1 process of this machine knows, others within ";
    assert!(said.starts_with(done), "{said}");
    let missed = status("/squared.html?x=1");
    assert!(missed.contains("invalidated program squared"), "{missed}");
    assert!(status("/paint.html?colour=red").starts_with("giotto; hit"));

    let said = desk.says(&["mgt/cache/purge", "all=true", "--yes"]);
    let done = "all pages are never served again: 1 write, and 1 process of this machine knows, others within ";
    assert!(said.starts_with(done), "{said}");
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
fn a_cache_that_a_command_cannot_reach_is_said_so() {
    let desk = Desk::new();
    let locmem = ["--set", "cache=locmem"];
    for (settings, code, part) in [
        (&locmem[..], 1, "lives in the memory of each server"),
        (&[], 2, "no cache is configured"),
    ] {
        for words in [
            &["mgt/cache/expire", "squared", "x=1"][..],
            &["mgt/cache/remove", "squared", "x=1", "--yes"],
            &["mgt/cache/invalidate", "--all", "--yes"],
            &["mgt/cache/purge", "--all", "--yes"],
            &["mgt/cache/warm", "squared", "x=1..3"],
        ] {
            let ran = desk.with(settings, words);
            assert_eq!((ran.code, &*ran.stdout), (Some(code), ""), "{ran:?}");
            assert!(ran.stderr.contains(part), "{words:?}: {ran:?}");
        }
    }
    let ran = desk.with(&locmem, &["mgt/cache/explain", "squared", "x=1"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stdout.contains("key        {'x': 1}(squared)"),
        "{ran:?}"
    );
    let ran = desk.with(&[], &["mgt/cache/explain", "squared", "x=1"]);
    assert!(
        ran.stdout.contains("nothing is stored (first-seen)"),
        "{ran:?}"
    );
}
