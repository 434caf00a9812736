//! The live page: what it shows, and that nobody but its reader changes anything with it.

use serde_json::Value;

use crate::Administered;
use crate::server::{Connection, Server};

const MEMORY: &[&str] = &["--set", "cache=locmem"];

/// A page that listens.
struct Listener(Connection);

impl Listener {
    /// `None` if the server refuses it.
    fn of(administered: &Administered) -> Option<Self> {
        let mut connection = Connection::to(administered.admin);
        connection.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let status = connection.line();
        if status.contains(" 503 ") {
            return None;
        }
        assert!(status.contains(" 200 "), "{status}");
        while !connection.line().trim().is_empty() {}
        Some(Self(connection))
    }

    /// The next snapshot; `None` if the stream has ended.
    fn next(&mut self) -> Option<Value> {
        loop {
            let line = self.0.line();
            if line.is_empty() {
                return None;
            }
            if let Some(json) = line.strip_prefix("data: ") {
                return Some(serde_json::from_str(json).unwrap());
            }
        }
    }

    /// The first snapshot that is `wanted`.
    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut all = std::iter::from_fn(|| self.next()).take(60);
        all.find(|snapshot| wanted(snapshot))
            .expect("within a minute")
    }
}

impl Administered {
    /// The token of the page.
    fn token(&self) -> String {
        let page = self.get("/");
        let (_, token) = page.text().split_once("name=\"token\" content=\"").unwrap();
        token.split_once('"').unwrap().0.to_owned()
    }

    /// Asks for a change as the page does, with more `fields`; the status and what is said.
    fn change(&self, fields: &str, wish: &str) -> (u16, Value) {
        let fields = format!("Host: localhost\r\nContent-Type: application/json\r\n{fields}");
        let reply = self.ask("POST", "/change", &fields, wish);
        (
            reply.status,
            serde_json::from_slice(&reply.body).unwrap_or_default(),
        )
    }

    fn json(&self, target: &str) -> (u16, Value) {
        let reply = self.get(target);
        assert_eq!(
            reply.field("content-type"),
            Some("application/json"),
            "{target}"
        );
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }
}

fn program<'s>(snapshot: &'s Value, name: &str) -> &'s Value {
    let programs = snapshot["programs"].as_array().unwrap();
    let program = programs.iter().find(|program| program["name"] == name);
    program.unwrap_or(&Value::Null)
}

#[test]
fn the_page_is_one_document_that_runs_its_own_script_alone() {
    let administered = Administered::start(MEMORY);
    let (one, other) = (administered.get("/"), administered.get("/"));
    assert_eq!(one.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(one.field("cache-control"), Some("no-store"));
    let policy = one.field("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'nonce-"),
        "{policy}"
    );
    let nonce = policy
        .split('\'')
        .find_map(|part| part.strip_prefix("nonce-"))
        .unwrap();
    assert_eq!(one.text().matches(&format!("nonce=\"{nonce}\"")).count(), 2);
    assert!(
        !policy.contains("unsafe") && !policy.contains("http"),
        "{policy}"
    );
    assert!(!other.text().contains(nonce), "a nonce is for one document");
    for word in [
        "<script src",
        "<link rel=\"stylesheet",
        "@import",
        "url(",
        "innerHTML",
        "style=\"",
        " onclick",
        "{style}",
        "{nonce}",
    ] {
        assert!(!one.text().contains(word), "{word}");
    }
    // An address stands only where SVG has its name.
    let addresses = one.text().matches("://").count();
    assert_eq!(
        addresses,
        one.text().matches("://www.w3.org/2000/svg").count()
    );
    assert_eq!(
        administered
            .get("/")
            .text()
            .matches(&administered.token())
            .count(),
        1
    );
    assert_ne!(administered.token(), Administered::start(MEMORY).token());
}

#[test]
fn all_who_watch_see_the_same_figures_once_a_second() {
    let administered = Administered::start(MEMORY);
    for x in [1, 1, 1, 2] {
        administered.server.get(&format!("/squared?x={x}"), "");
    }
    let mut one = Listener::of(&administered).unwrap();
    let first = one.next().unwrap();
    let squared = program(&first, "squared");
    assert_eq!(squared["total"]["fresh"], 2, "{squared}");
    assert_eq!(squared["minute"]["misses"]["first_seen"], 2, "{squared}");
    assert_eq!(squared["model"]["count"], 2);
    assert_eq!(first["total"]["stored"], 2);
    assert_eq!(first["layers"][0]["name"], "locmem");
    assert_eq!(first["shared"], false);
    let mut other = Listener::of(&administered).unwrap();
    let snapshot = other.until(|snapshot| snapshot["watching"] == 2);
    let same = one.until(|same| same["at"] == snapshot["at"]);
    assert_eq!(same, snapshot);
    // What is asked for while a page watches is counted by page.
    let top = one.until(|snapshot| {
        administered.server.get("/squared?x=1", "");
        !snapshot["pages"].as_array().unwrap().is_empty()
    });
    assert_eq!(top["pages"][0]["program"], "squared", "{top}");
    assert_eq!(top["pages"][0]["state"], "fresh", "{top}");
    assert_eq!(top["layers"][0]["entries"], 2, "{top}");
}

#[test]
fn a_bounded_number_watches_and_the_end_of_the_server_ends_their_streams() {
    let administered = Administered::start(MEMORY);
    let mut all: Vec<_> = (0..32)
        .map(|_| Listener::of(&administered).unwrap())
        .collect();
    assert!(Listener::of(&administered).is_none());
    administered.server.terminate();
    assert_eq!(administered.server.end().0.code(), Some(0));
    for listener in &mut all {
        while listener.next().is_some() {}
    }
}

#[test]
fn a_reader_finds_out_what_the_next_request_gets() {
    let administered = Administered::start(MEMORY);
    administered
        .server
        .get("/squared?x=12", "Accept: text/html\r\n");
    let (status, report) = administered.json("/explain?words=squared.html+x%3D12");
    assert_eq!(
        (status, &report["program"]),
        (200, &"squared".into()),
        "{report}"
    );
    assert!(
        report["next"][0]["says"]
            .as_str()
            .unwrap()
            .starts_with("a hit"),
        "{report}"
    );
    let key = report["key"].as_str().unwrap();
    let encoded = key
        .replace('{', "%7B")
        .replace('}', "%7D")
        .replace(' ', "+")
        .replace('\'', "%27");
    let (status, by_key) = administered.json(&format!("/explain?key={encoded}"));
    assert_eq!((status, &by_key["key"]), (200, &report["key"]), "{by_key}");
    assert_eq!(by_key["entry"]["etag"], report["entry"]["etag"]);
    let (status, missing) = administered.json("/explain?words=squaerd+x%3D12");
    assert_eq!(status, 400);
    assert!(
        missing["error"].as_str().unwrap().contains("squared"),
        "{missing}"
    );
    assert_eq!(administered.json("/explain?key=nothing").0, 400);
    let (status, report) = administered.json("/explain?words=lab/counted+x%3D1");
    assert_eq!((status, &report["entry"]), (200, &Value::Null), "{report}");
    assert_eq!(administered.server.runs("counted"), 0, "no model has run");
}

#[test]
fn only_the_page_of_this_process_changes_anything() {
    let administered = Administered::start(MEMORY);
    let (token, wish) = (administered.token(), r#"{"program":"squared","hard":true}"#);
    let foreign = Administered::start(MEMORY).token();
    for fields in [
        String::new(),
        "Giotto-Token: \r\n".to_owned(),
        format!("Giotto-Token: {foreign}\r\n"),
        format!("Giotto-Token: {token}\r\nOrigin: http://evil.example\r\n"),
        format!("Giotto-Token: {token}\r\nSec-Fetch-Site: cross-site\r\n"),
    ] {
        let (status, said) = administered.change(&fields, wish);
        assert_eq!(status, 403, "{fields}: {said}");
    }
    assert_eq!(administered.get("/change").status, 405);
    let given = format!("Giotto-Token: {token}\r\n");
    for (wish, words) in [
        (r#"{"program":"squaerd","hard":true}"#, "squared"),
        (r#"{"hard":true}"#, "nothing is named"),
        (r#"{"all":true,"tag":"a","hard":true}"#, "several things"),
        (r#"{"tag":"nobody","hard":false}"#, "nobody"),
        (r#"{"key":"x","hard":true}"#, "key"),
        (r#"{"key":"x","all":true,"hard":true}"#, "several"),
        (r#"{"programme":"squared","hard":true}"#, "programme"),
        ("", ""),
    ] {
        let (status, said) = administered.change(&given, wish);
        let error = said["error"].as_str().unwrap();
        assert!(status == 400 && error.contains(words), "{wish}: {error}");
    }
    let mut listener = Listener::of(&administered).unwrap();
    assert_eq!(listener.next().unwrap()["purges"], Value::Array(Vec::new()));
}

#[test]
fn a_purge_is_obeyed_at_once_and_shown_with_who_has_made_it() {
    let administered = Administered::start(MEMORY);
    let given = format!(
        "Giotto-Token: {}\r\nSec-Fetch-Site: same-origin\r\n",
        administered.token()
    );
    let ask = |x: u32| {
        let reply = administered
            .server
            .get(&format!("/squared?x={x}"), "Accept: text/html\r\n");
        reply.field("cache-status").unwrap().contains("hit")
    };
    assert_eq!([ask(1), ask(1), ask(2), ask(2)], [false, true, false, true]);
    let (status, said) = administered.change(
        &given,
        r#"{"key":"{'x': 1}(squared)(text/html)","hard":true}"#,
    );
    assert_eq!(status, 200, "{said}");
    assert_eq!([ask(1), ask(2)], [false, true]);
    let (status, said) = administered.change(&given, r#"{"program":"squared","hard":false}"#);
    assert_eq!(status, 200, "{said}");
    assert!(said["done"].as_str().unwrap().contains("squared"), "{said}");
    assert_eq!([ask(1), ask(2)], [false, false]);
    administered.server.get("/wall/shown/1", "");
    administered
        .server
        .post("/wall/written/1", "application/x-www-form-urlencoded", "");
    let mut listener = Listener::of(&administered).unwrap();
    let snapshot = listener.next().unwrap();
    let purges = snapshot["purges"].as_array().unwrap().iter();
    let purges: Vec<_> = purges
        .map(|purge| {
            let text = |name: &str| purge[name].as_str().unwrap();
            (text("what"), purge["hard"].as_bool().unwrap(), text("by"))
        })
        .collect();
    let page = "the live page, from 127.0.0.1";
    assert_eq!(
        purges,
        [
            ("tag note 1", false, "the program wall/written"),
            ("program squared", false, page),
            ("page {'x': 1}(squared)(text/html)", true, page),
        ]
    );
}

#[test]
fn a_page_of_another_site_holds_no_stream() {
    let administered = Administered::start(MEMORY);
    let fields = |mode: &str, dest: &str| {
        format!(
            "Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: {mode}\r\nSec-Fetch-Dest: {dest}\r\n"
        )
    };
    for (target, mode, dest, status) in [
        ("/events", "no-cors", "empty", 403),
        ("/explain?words=squared", "no-cors", "image", 403),
        ("/", "navigate", "iframe", 403),
        // A link to the page.
        ("/", "navigate", "document", 200),
    ] {
        let reply = administered.ask("GET", target, &fields(mode, dest), "");
        assert_eq!(reply.status, status, "{target} {mode} {dest}");
    }
}

#[test]
fn a_purge_is_seen_by_all_processes_that_share_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let shared = [
        "--set",
        "cache=database",
        "--set",
        "cache.deadline_ms=30000",
    ];
    let administered = Administered::start_in(folder.path(), &shared);
    let others: [Server; 3] = std::array::from_fn(|_| Server::start_in(folder.path(), &shared));
    let all = [&administered.server, &others[0], &others[1], &others[2]];
    let is_hit = |server: &Server| {
        let reply = server.get("/wall/shown/1", "");
        let status = reply.field("cache-status").unwrap().to_owned();
        // The page of another process may still be on its way to the store.
        status.contains("; hit") || status.contains("; collapsed")
    };
    let hits = || all.map(is_hit);
    assert_eq!(hits(), [false, true, true, true]);
    let given = format!("Giotto-Token: {}\r\n", administered.token());
    is_hit(all[0]);
    for (number, first) in all.into_iter().enumerate() {
        assert_eq!(hits(), [true; 4]);
        let (status, said) = administered.change(&given, r#"{"tag":"note 1","hard":true}"#);
        assert_eq!(status, 200, "{said}");
        // The one that is asked first computes the page anew, for all.
        assert!(!is_hit(first), "server {number}");
    }
    let mut listener = Listener::of(&administered).unwrap();
    assert_eq!(listener.next().unwrap()["shared"], true);
}

#[test]
fn stored_pages_are_found_and_purged_by_a_pattern() {
    let administered = Administered::start(MEMORY);
    for (x, y) in [(1, 1), (12, 1), (13, 1), (2, 1)] {
        let target = format!("/multiply?x={x}&y={y}");
        administered.server.get(&target, "Accept: text/html\r\n");
    }
    administered.server.get("/squared?x=12", "");
    let found = |words: &str| {
        let (status, found) = administered.json(&format!("/find?words={words}"));
        assert_eq!(status, 200, "{found}");
        let entries = found["entries"].as_array().unwrap().iter();
        let mut found: Vec<_> = entries
            .map(|entry| entry["arguments"].as_str().unwrap().to_owned())
            .collect();
        found.sort_unstable();
        found
    };
    assert_eq!(found("").len(), 5);
    let twelve = ["{'x': 12, 'y': 1}", "{'x': 13, 'y': 1}"];
    let one = "{'x': 1, 'y': 1}";
    assert_eq!(found("multiply+x%3D1*"), [one, twelve[0], twelve[1]]);
    let (status, said) = administered.json("/find?words=mul+x%3D1*");
    assert_eq!(status, 400, "{said}");
    let given = format!("Giotto-Token: {}\r\n", administered.token());
    let purge = |dry: bool| {
        let wish = format!(r#"{{"pattern":"multiply x=1*","hard":true,"dry":{dry}}}"#);
        let (status, said) = administered.change(&given, &wish);
        assert_eq!(status, 200, "{said}");
        said["done"].as_str().unwrap().to_owned()
    };
    assert!(purge(true).contains('3'), "{}", purge(true));
    assert_eq!(found("multiply").len(), 4);
    purge(false);
    assert_eq!(found("multiply"), ["{'x': 2, 'y': 1}"]);
    assert_eq!(found("squared").len(), 1);
}

#[test]
fn a_purge_reaches_the_memory_of_the_other_servers_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let administered = Administered::start_in(folder.path(), MEMORY);
    let other = Server::start_in(folder.path(), MEMORY);
    let is_hit = |server: &Server, target: &str| {
        let reply = server.get(target, "Accept: text/html\r\n");
        reply.field("cache-status").unwrap().contains("hit")
    };
    let given = format!("Giotto-Token: {}\r\n", administered.token());
    for wish in [
        r#"{"program":"squared","hard":true}"#,
        r#"{"program":"squared","hard":false}"#,
        r#"{"pattern":"squared x=1*","hard":true}"#,
        r#"{"all":true,"hard":true}"#,
    ] {
        for server in [&administered.server, &other] {
            is_hit(server, "/squared?x=12");
            assert!(is_hit(server, "/squared?x=12"), "{wish}");
        }
        let (status, said) = administered.change(&given, wish);
        let done = said["done"].as_str().unwrap_or_default();
        assert!(
            status == 200 && done.contains("1 process of this machine"),
            "{said}"
        );
        for server in [&administered.server, &other] {
            assert!(!is_hit(server, "/squared?x=12"), "{wish}");
        }
    }
    let (status, said) =
        administered.change(&given, r#"{"program":"squared","hard":true,"dry":true}"#);
    assert_eq!(status, 200, "{said}");
    assert!(is_hit(&other, "/squared?x=12"));
}
