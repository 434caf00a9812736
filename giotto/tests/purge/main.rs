//! Purges: what is invalidated reaches the caches downstream, through HTTP and the command line, whatever they answer.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod cdn;
#[expect(dead_code, reason = "only some of it is needed here")]
#[path = "../common/server.rs"]
mod server;
#[path = "../common/testbed.rs"]
mod testbed;

use std::path::Path;

use crate::cdn::Cdn;
use crate::server::Server;

/// The settings of an end point of Varnish.
fn settings(cdn: &Cdn) -> Vec<String> {
    let url = format!("purge.front.url={}", cdn.url());
    let settings = [
        "http.tag_fields=xkey",
        "purge.front.kind=varnish-xkey",
        &url,
    ];
    let settings = settings.iter().flat_map(|setting| ["--set", setting]);
    settings.map(str::to_owned).collect()
}

fn server(cdn: &Cdn) -> Server {
    let settings = settings(cdn);
    let mut options = vec!["--set", "cache=locmem"];
    options.extend(settings.iter().map(String::as_str));
    Server::start_with(&options)
}

fn write(server: &Server, first: u32, count: u32) {
    let form = "application/x-www-form-urlencoded";
    let body = format!("first={first}&count={count}");
    assert_eq!(server.post("/wall/written", form, &body).status, 200);
}

fn notes(notes: impl IntoIterator<Item = u32>) -> Vec<String> {
    let notes = notes.into_iter().map(|note| format!("note%20{note}"));
    let mut notes: Vec<String> = notes.collect();
    notes.sort();
    notes
}

/// Runs `testbed cmd WORDS..` in `folder`: its exit code, and what it wrote to standard error.
fn cmd(cdn: &Cdn, folder: &Path, words: &[&str]) -> (Option<i32>, String) {
    let mut command = testbed::command(folder);
    let shared = ["--set", "cache=database", "--set", "cache.deadline_ms=5000"];
    let command = command.arg("cmd").args(shared).args(settings(cdn));
    let output = command.args(words).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

#[test]
fn each_tag_is_accepted_once_by_an_end_point_that_first_answers_503() {
    let cdn = Cdn::start(&[503, 503], 200);
    let server = server(&cdn);
    let page = server.get("/wall/shown.html?first=1&count=3", "");
    let carried = "note%201 note%202 note%203 giotto:program:wall/shown giotto:all";
    assert_eq!(page.field("xkey"), Some(carried));
    write(&server, 1, 3);
    write(&server, 4, 2);
    cdn.until(|cdn| cdn.accepted().len() >= 5);
    server.terminate();
    let (status, log) = server.end();
    assert!(status.success());
    assert_eq!(cdn.accepted(), notes(1..=5));
    let asked = cdn.asked();
    assert_eq!(asked[0].line, "PURGE /purge");
    let statuses: Vec<u16> = asked.iter().take(2).map(|asked| asked.status).collect();
    assert_eq!(statuses, [503, 503]);
    for line in ["purges fail", "purges are accepted again"] {
        assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
    }
}

#[test]
fn a_command_exits_when_its_purges_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let cdn = Cdn::start(&[503, 503], 200);
    assert_eq!(cmd(&cdn, folder.path(), &["mgt/syncdb"]).0, Some(0));
    let (code, said) = cmd(&cdn, folder.path(), &["wall/written", "7", "2"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(cdn.accepted(), notes([7, 8]));
    assert_eq!(cdn.asked().len(), 3);
}

#[test]
fn what_an_operator_invalidates_is_purged_by_the_tags_that_all_pages_have() {
    let folder = tempfile::tempdir().unwrap();
    let cdn = Cdn::start(&[], 200);
    let cmd = |words: &[&str]| assert_eq!(cmd(&cdn, folder.path(), words).0, Some(0), "{words:?}");
    cmd(&["mgt/syncdb"]);
    cmd(&["wall/shown", "1"]);
    let all = ["mgt/cache/purge", "--all", "--yes"];
    let program = ["mgt/cache/invalidate", "program=wall/shown", "--yes"];
    let tag = ["mgt/cache/purge", "tag=note 1", "--yes"];
    let (expire, remove) = ("mgt/cache/expire", "mgt/cache/remove");
    for (words, purged) in [
        (&tag[..], "note%201"),
        (&program, "giotto:program:wall/shown"),
        (&all, "giotto:all"),
        (
            &[expire, "wall/shown.json", "1"],
            "giotto:program:wall/shown",
        ),
        (
            &[remove, "wall/shown.json", "1", "--yes"],
            "giotto:program:wall/shown",
        ),
        (&["mgt/flush"], "giotto:all"),
    ] {
        let before = cdn.asked().len();
        cmd(words);
        let asked = &cdn.asked()[before..];
        let fields: Vec<_> = asked.iter().map(|asked| asked.field("xkey")).collect();
        assert_eq!(fields, [Some(purged)], "{words:?}");
    }
}

#[test]
fn a_purge_is_soft_only_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let cdn = Cdn::start(&[], 200);
    assert_eq!(cmd(&cdn, folder.path(), &["mgt/syncdb"]).0, Some(0));
    let soft = ["--set", "purge.front.soft=true"];
    for words in [
        &["wall/written", "1"][..],
        &["mgt/cache/purge", "--all", "--yes"],
    ] {
        let words = [words, &soft].concat();
        assert_eq!(cmd(&cdn, folder.path(), &words).0, Some(0));
    }
    let asked = cdn.asked();
    assert_eq!(asked[0].field("xkey-softpurge"), Some("note%201"));
    assert_eq!(asked[1].field("xkey"), Some("giotto:all"));
}

#[test]
fn ten_thousand_while_it_is_down_stay_within_the_bound_and_are_told() {
    let cdn = Cdn::start(&[], 503);
    let server = server(&cdn);
    for first in 0..10 {
        write(&server, first * 1_000, 1_000);
    }
    server.until_logged("too many purges wait");
    cdn.answers(200);
    cdn.until(|cdn| cdn.accepted().contains(&"giotto:all".to_owned()));
    server.terminate();
    let (status, log) = server.end();
    assert!(status.success());
    for line in [
        "purges fail",
        "too many purges wait",
        "purges are accepted again",
    ] {
        assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
    }
}

#[test]
fn a_server_that_stops_sends_what_waits() {
    let cdn = Cdn::start(&[], 503);
    let server = server(&cdn);
    write(&server, 1, 3);
    cdn.until(|cdn| !cdn.asked().is_empty());
    server.terminate();
    server.until_logged("stopping");
    cdn.answers(200);
    let (status, log) = server.end();
    assert!(status.success(), "{log}");
    assert_eq!(cdn.accepted(), notes(1..=3));
}

#[test]
fn an_end_point_that_refuses_is_told_of_and_not_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let cdn = Cdn::start(&[], 403);
    assert_eq!(cmd(&cdn, folder.path(), &["mgt/syncdb"]).0, Some(0));
    let (code, said) = cmd(&cdn, folder.path(), &["wall/written", "7"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("purges are refused"), "{said}");
    assert!(said.contains("403"), "{said}");
    assert_eq!(cdn.asked().len(), 1);
}

#[test]
fn a_command_does_not_wait_for_ever_and_says_what_it_has_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let cdn = Cdn::start(&[], 503);
    assert_eq!(cmd(&cdn, folder.path(), &["mgt/syncdb"]).0, Some(0));
    let (code, said) = cmd(&cdn, folder.path(), &["wall/written", "7"]);
    assert_eq!(code, Some(0));
    assert!(said.contains("the process exits before"), "{said}");
    assert!(said.contains("waiting=1"), "{said}");
}

#[test]
fn a_token_is_sent_and_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let cdn = Cdn::start(&[401], 200);
    let config = folder.path().join("giotto.toml");
    std::fs::write(folder.path().join("token"), "the secret\n").unwrap();
    let table = format!(
        "cache = \"locmem\"\nlog = \"trace\"\n[purge.edge]\nkind = \"fastly\"\nurl = \"{}\"\ntoken_file = \"token\"\n",
        cdn.url()
    );
    std::fs::write(config, table).unwrap();
    let mut command = testbed::command(folder.path());
    let output = command.args(["cmd", "wall/written", "7"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("purges are refused"), "{said}");
    assert!(said.contains("edge"), "{said}");
    assert!(!said.contains("the secret"), "{said}");
    assert_eq!(cdn.asked()[0].field("fastly-key"), Some("the secret"));
}

#[test]
fn the_statistics_show_the_purges_where_there_are_end_points() {
    let cdn = Cdn::start(&[], 200);
    // Those of a server in a folder of its own.
    let shown = |settings: &[String], words: &str| {
        let folder = tempfile::tempdir().unwrap();
        let settings = [&["--set".to_owned(), "cache=locmem".to_owned()], settings].concat();
        let options: Vec<_> = settings.iter().map(String::as_str).collect();
        let _server = Server::start_in(folder.path(), &options);
        let mut command = testbed::command(folder.path());
        let command = command.arg("cmd").args(&settings);
        let output = command.arg(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let text = shown(&settings(&cdn), "mgt/cache/stats");
    let words: Vec<&str> = text.split_whitespace().collect();
    for name in ["sent", "failed", "collapsed", "waiting"] {
        let name = format!("purges_{name}");
        assert!(words.windows(2).any(|pair| pair == [&name, "0"]), "{text}");
    }
    let json = shown(&settings(&cdn), "mgt/cache/stats.json");
    assert!(json.contains("\"purges\":{\"sent\":0"), "{json}");
    assert!(!shown(&[], "mgt/cache/stats").contains("purges"));
}

#[test]
fn a_mistake_in_the_settings_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    for (table, parts) in [
        ("purge = 1", &["giotto.toml:1:1", "[purge.front]"][..]),
        (
            "[purge.a]\nurl = \"http://a/\"",
            &["giotto.toml:2:1", "kind", "varnish-xkey"],
        ),
        ("[purge.a]\nkind = \"fastly\"", &["giotto.toml:2:1", "url"]),
        (
            "[purge.a]\nkind = \"fasty\"\nurl = \"http://a/\"",
            &["giotto.toml:2:1", "\"fastly\""],
        ),
        (
            "[purge.a]\nkind = \"fastly\"\nurl = \"http://a/\"",
            &["giotto.toml:2:1", "token_file"],
        ),
        (
            "[purge.a]\nkind = \"varnish-ban\"\nurl = \"a\"",
            &["giotto.toml:3:1", "http://"],
        ),
        (
            "[purge.a]\nkind = \"varnish-ban\"\nurl = \"http://a/\"\nbody = \"x\"",
            &["giotto.toml:4:1", "\"body\""],
        ),
        (
            "[purge.a]\nkind = \"http\"\nurl = \"http://a/\"\n[purge.a.fields]\n\"x y\" = \"\"",
            &["giotto.toml:5:1", "\"x y\""],
        ),
        (
            "[purge.a]\nkind = \"fastly\"\nurl = \"http://a/\"\ntoken_file = \"none\"",
            &["giotto.toml:4:1", "none cannot be read"],
        ),
        (
            "[purge.a]\nkind = \"fastly\"\nurl = \"http://a/\"\ntoken = \"a\"\ntoken_file = \"none\"",
            &["giotto.toml:5:1", "purge.a.token says the same"],
        ),
    ] {
        std::fs::write(folder.path().join("giotto.toml"), table).unwrap();
        let mut command = testbed::command(folder.path());
        let output = command.args(["cmd", "wall/written", "7"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{table}: {said}");
        for part in parts {
            assert!(said.contains(part), "{table}: {said}");
        }
    }
}
