//! `mgt/cache/list`, patterns of `purge`, and moving: `copy`, `export` and `import`.

use serde_json::Value;

use crate::server::Server;
use crate::{Desk, SHARED, testbed};

/// Three pages of `squared`, two of `greet`.
fn filled() -> Desk {
    let desk = Desk::new();
    for words in [
        &["squared.html", "x=1"][..],
        &["squared.html", "x=12"],
        &["squared.json", "x=12"],
        &["greet.html", "name=Ada"],
        &["greet.html", "name=Adam"],
    ] {
        desk.says(words);
    }
    desk
}

/// The pages that are listed, in order.
fn listed(desk: &Desk, words: &[&str]) -> Vec<String> {
    let report = desk.json(&[&["mgt/cache/list.json"], words].concat());
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let entries = report["entries"].as_array().unwrap();
    let page = |entry| {
        let [program, arguments] = ["program", "arguments"].map(|name| text(entry, name));
        format!("{program} {arguments} {}", text(entry, "mimetype"))
    };
    let mut pages: Vec<_> = entries.iter().map(page).collect();
    pages.sort();
    pages
}

#[test]
fn the_list_has_what_is_stored_and_a_pattern_chooses_among_it() {
    let desk = filled();
    assert_eq!(
        listed(&desk, &[]),
        [
            "greet {'name': 'Ada', 'greeting': 'Hello'} text/html",
            "greet {'name': 'Adam', 'greeting': 'Hello'} text/html",
            "squared {'x': 12} application/json",
            "squared {'x': 12} text/html",
            "squared {'x': 1} text/html",
        ]
    );
    for (words, count) in [
        (&["squared"][..], 3),
        (&["squared.html"], 2),
        (&["squared", "x=1*"], 3),
        (&["squared", "x=*2"], 2),
        (&["squared", "12"], 2),
        (&["squared/1*"], 3),
        (&["squared", "x=2*"], 0),
        (&["greet", "name=Ada"], 1),
        (&["greet", "name=*a*"], 2),
        (&["greet", "name=A*m"], 1),
        (&["--state=fresh"], 5),
        (&["--state=stale,expired"], 0),
        (&["--older=0"], 5),
        (&["--older=10000"], 0),
        (&["--larger=10"], 5),
        (&["--larger=100000"], 0),
        (&["squared", "--sort=bytes", "--limit=2"], 2),
    ] {
        assert_eq!(listed(&desk, words).len(), count, "{words:?}");
    }
    for (words, parts) in [
        (&["squared", "y=1"][..], &["'y'"][..]),
        (&["squar"], &["squar"]),
        (&["nocache"], &["no .cache(..)"]),
        (&["--state=fresch"], &["did you mean 'fresh'"]),
        (&["--sort=size"], &["hits, bytes, age"]),
        (&["--watch", "--sort=nothing"], &["hits, bytes, age"]),
        (&["--limit=0"], &["1 to 1,000"]),
        (&["--layer=2"], &["1 to 1"]),
        (&["--after=x"], &["what the last page said"]),
        (&["--after=0~x"], &["no cursor of this store"]),
    ] {
        desk.refuses(&[&["mgt/cache/list"], words].concat(), parts);
    }
}

#[test]
fn the_list_goes_on_where_its_page_ended() {
    let desk = filled();
    let (mut after, mut seen) = (None, Vec::new());
    for page in 0..5 {
        let mut words = vec!["mgt/cache/list.json".to_owned(), "--limit=2".to_owned()];
        words.extend(after.map(|after| format!("--after={after}")));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let report = desk.json(&words);
        let entries = report["entries"].as_array().unwrap();
        assert!(entries.len() <= 2 && page < 4);
        seen.extend(
            entries
                .iter()
                .map(|entry| entry["key"].as_str().unwrap().to_owned()),
        );
        after = report["next"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[test]
fn the_list_is_a_table_and_lines_of_json() {
    let desk = filled();
    let table = desk.says(&["mgt/cache/list", "greet", "--sort=key"]);
    for part in [
        "state  bytes",
        "greet {'name': 'Ada', 'greeting': 'Hello'} as text/html",
        "the first 2 pages by key",
        "which are all",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let lines = desk.says(&["mgt/cache/list.ndjson"]);
    let entries: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(entries.len(), 5);
    assert_eq!(entries[0]["state"], "fresh");
    assert!(entries[0]["age_ms"].is_u64() && entries[0]["bytes"].is_u64());
    // No server counts hits here.
    assert_eq!(entries[0]["hits"], Value::Null);
    assert!(!table.contains("hits:"), "{table}");
    let by_hits = desk.cmd(&["mgt/cache/list", "--sort=hits"]);
    assert_eq!(by_hits.code, Some(1), "{by_hits:?}");
    assert!(by_hits.stderr.contains("no server"), "{by_hits:?}");
    let memory = desk.with(&["--set", "cache=locmem"], &["mgt/cache/list"]);
    assert_eq!(memory.code, Some(1), "{memory:?}");
}

#[test]
fn a_pattern_purges_its_pages_and_no_other() {
    let desk = filled();
    let dry = desk.says(&["mgt/cache/purge", "squared", "x=1*", "--dry-run"]);
    assert!(
        dry.starts_with("this would purge all pages of squared x=1*: 3 pages"),
        "{dry}"
    );
    assert!(dry.contains("squared {'x': 1} as text/html"), "{dry}");
    desk.refuses(
        &["mgt/cache/purge", "squared", "x=1*"],
        &["--yes", "squared x=1*"],
    );
    assert_eq!(listed(&desk, &[]).len(), 5);
    let said = desk.says(&["mgt/cache/purge", "squared", "x=*2", "--yes"]);
    assert!(
        said.starts_with("removed all pages of squared x=*2: 2 pages"),
        "{said}"
    );
    assert_eq!(listed(&desk, &["squared"]), ["squared {'x': 1} text/html"]);
    assert_eq!(listed(&desk, &["greet"]).len(), 2);
    for (words, parts) in [
        (&["invalidate", "squared", "x=1*"][..], &["`expire`"][..]),
        (&["invalidate", "--all", "--reclaim"], &["`purge`"]),
        (&["purge", "squared", "x=1*", "--all"], &["several things"]),
        (&["purge", "squared", "z=1*"], &["'z'"]),
    ] {
        let path = format!("mgt/cache/{}", words[0]);
        desk.refuses(&[&[&*path], &words[1..], &["--yes"]].concat(), parts);
    }
}

#[test]
fn what_was_purged_is_removed_where_that_is_wished() {
    let desk = filled();
    let dry = desk.json(&["mgt/cache/purge.json", "program=greet", "--dry-run"]);
    assert_eq!(dry["would"]["pages"], 2);
    desk.says(&["mgt/cache/purge", "program=greet", "--yes"]);
    assert_eq!(listed(&desk, &["greet", "--state=purged"]).len(), 2);
    let said = desk.says(&["mgt/cache/purge", "program=greet", "--reclaim", "--yes"]);
    assert!(said.contains("removed 2 pages from the store"), "{said}");
    assert_eq!(listed(&desk, &[]).len(), 3);
    desk.says(&["greet.html", "name=Ada"]);
    assert!(desk.is_stored(&["greet.html", "name=Ada"]));
}

#[test]
fn everything_moves_to_another_store_and_to_a_file_and_back() {
    let desk = filled();
    desk.says(&["mgt/cache/purge", "program=greet", "--yes"]);
    let other = "sqlite://other.sqlite3";
    let copied = desk.json(&[
        "mgt/cache/copy.json",
        "--from=database",
        &format!("--to={other}"),
    ]);
    assert_eq!(
        (&copied["entries"], &copied["refused"]),
        (&5.into(), &0.into()),
        "{copied}"
    );
    let there = [
        "--set",
        "cache=sqlite://other.sqlite3",
        "--set",
        "cache.deadline_ms=5000",
    ];
    let ran = desk.with(&there, &["--cache=only", "squared.html", "x=12"]);
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "<p>144</p>"), "{ran:?}");
    let purged = desk.with(&there, &["--cache=only", "greet.html", "name=Ada"]);
    assert_eq!(
        purged.code,
        Some(3),
        "what was purged stays purged: {purged:?}"
    );

    let exported = desk.says(&["mgt/cache/export", "cache.export"]);
    assert!(exported.contains("pages          5"), "{exported}");
    desk.refuses(&["mgt/cache/export", "cache.export"], &["is there already"]);
    desk.says(&["mgt/flush"]);
    assert_eq!(listed(&desk, &[]).len(), 0);
    let path = desk.path().join("cache.export");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
    desk.refuses(
        &["mgt/cache/import", "cache.export"],
        &["nothing of it was stored"],
    );
    assert_eq!(listed(&desk, &[]).len(), 0);
    std::fs::write(&path, whole).unwrap();
    desk.says(&["mgt/cache/import", "cache.export"]);
    assert!(desk.is_stored(&["squared.html", "x=12"]));
    assert_eq!(listed(&desk, &["--state=purged"]).len(), 2);
    for (words, parts) in [
        (
            &["--from=database", "--to=database"][..],
            &["the store to copy from"][..],
        ),
        (&["--from=locmem", "--to=database"], &["share"]),
        (&["--from=database", "--to=nosuch"], &["'to'"]),
    ] {
        desk.refuses(&[&["mgt/cache/copy"], words].concat(), parts);
    }
}

#[test]
fn a_cache_that_is_being_replaced_is_read_and_the_new_one_written() {
    let desk = filled();
    let migrating = "cache={ migrating = { from = \"database\", to = \"sqlite://new.sqlite3\" } }";
    let both = ["--set", migrating, "--set", "cache.deadline_ms=5000"];
    let ran = desk.with(&both, &["--cache=only", "squared.html", "x=12"]);
    assert_eq!((ran.code, &*ran.stdout), (Some(0), "<p>144</p>"), "{ran:?}");
    let ran = desk.with(&both, &["squared.html", "x=3"]);
    assert_eq!(ran.stdout, "<p>9</p>", "{ran:?}");
    let new = [
        "--set",
        "cache=sqlite://new.sqlite3",
        "--set",
        "cache.deadline_ms=5000",
    ];
    assert_eq!(
        desk.with(&new, &["--cache=only", "squared.html", "x=3"])
            .code,
        Some(0)
    );
    assert_eq!(
        desk.with(&SHARED, &["--cache=only", "squared.html", "x=3"])
            .code,
        Some(3)
    );
    for (setting, part) in [
        ("cache={ migrating = { from = \"database\" } }", "both"),
        (
            "cache={ migrating = { from = \"locmem\", to = \"database\" } }",
            "processes share",
        ),
        (
            "cache={ migrating = { from = \"database\", to = \"database\", x = 1 } }",
            "migrating.x",
        ),
    ] {
        let ran = desk.with(&["--set", setting], &["squared", "x=1"]);
        assert!(
            ran.code == Some(2) && ran.stderr.contains(part),
            "{setting}: {ran:?}"
        );
    }
}

#[test]
fn a_frozen_server_serves_what_is_stored_and_nothing_else() {
    let desk = filled();
    let options = [&SHARED[..], &["--frozen"]].concat();
    let server = Server::start_in(desk.path(), &options);
    let reply = server.get("/squared.html?x=12", "");
    assert_eq!((reply.status, reply.text()), (200, "<p>144</p>"));
    assert!(
        reply
            .field("cache-status")
            .unwrap()
            .starts_with("giotto; hit")
    );
    let miss = server.get("/squared.html?x=13", "");
    assert_eq!(miss.status, 504);
    let status = miss.field("cache-status").unwrap();
    assert!(
        status.contains("detail=") && !status.contains("stored;"),
        "{status}"
    );
    assert!(!desk.is_stored(&["squared.html", "x=13"]));
    let mut command = testbed::command(desk.path());
    let refused = command.args(["http", "--port", "0", "--frozen"]);
    let refused = refused.args(["--set", "cache=locmem"]).output().unwrap();
    let error = String::from_utf8(refused.stderr).unwrap();
    assert!(
        refused.status.code() == Some(2) && error.contains("processes share"),
        "{error}"
    );
}
