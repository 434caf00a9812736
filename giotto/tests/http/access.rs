//! The access log: a line for each request, what stands in it, and what it never costs.

use std::path::Path;

use serde_json::Value;

use crate::ask;
use crate::server::{Connection, Reply, Server};

/// A server with an access log in JSON, and the folder of it.
struct Logged {
    server: Server,
    folder: tempfile::TempDir,
}

impl Logged {
    fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let usual = [
            "cache=locmem",
            "log.access=on",
            "log.access_file=access.log",
        ];
        let usual = usual.iter().copied();
        let all = usual.chain(options.iter().copied());
        let all: Vec<_> = all.flat_map(|option| ["--set", option]).collect();
        Self {
            server: Server::start_in(folder.path(), &all),
            folder,
        }
    }

    fn json(options: &[&str]) -> Self {
        Self::start(&[&["log.format=json"], options].concat())
    }

    /// Stops the server; the lines of its access log.
    fn end(self) -> Vec<Value> {
        let text = self.end_with_text();
        let lines = text.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().unwrap()
    }

    fn end_with_text(self) -> String {
        self.server.terminate();
        self.server.end();
        read(self.folder.path())
    }
}

fn read(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("access.log")).unwrap()
}

fn get(connection: &mut Connection, target: &str, fields: &str) -> Reply {
    connection.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    connection.receive("GET")
}

/// The texts under `name`, `-` for a line without it.
fn texts<'l>(lines: &'l [Value], name: &str) -> Vec<&'l str> {
    let texts = lines.iter().map(|line| line[name].as_str().unwrap_or("-"));
    texts.collect()
}

#[test]
fn each_request_is_one_line_of_json() {
    let logged = Logged::json(&[]);
    let server = &logged.server;
    let replies = [
        server.get("/squared?x=7", ""),
        server.get("/squared?x=7", ""),
        server.ask("HEAD", "/squared?x=7", ""),
        server.get("/old/a%0Ab?since=%E2%80%AE", ""),
        server.get("/blog/archive/post/a", ""),
        server.get("/nothing", ""),
        server.get("/failing/fails", ""),
        server.ask("PUT", "/squared?x=7", ""),
        server.post("/submit", "application/x-www-form-urlencoded", "x=7"),
    ];
    let etag = replies[0].field("etag").unwrap();
    let unchanged = server.get("/squared?x=7", &format!("If-None-Match: {etag}\r\n"));
    let replies = [&replies[..], &[unchanged]].concat();
    let lines = logged.end();
    assert_eq!(lines.len(), replies.len(), "{lines:?}");
    for (line, reply) in lines.iter().zip(&replies) {
        assert_eq!(line["status"], reply.status, "{line}");
        assert_eq!(line["bytes"], reply.body.len(), "{line}");
        assert_eq!(line["client"], "127.0.0.1");
        assert_eq!(
            line["cache_status"].as_str(),
            reply.field("cache-status"),
            "{line}"
        );
        assert_eq!(
            line["request_id"].as_str(),
            reply.field("x-request-id"),
            "{line}"
        );
        assert!(reply.field("x-request-id").is_some(), "{reply:?}");
        assert!(line["seconds"].as_f64().unwrap() < 60.0, "{line}");
        assert!(line.get("cut").is_none(), "{line}");
        let time = line["time"].as_str().unwrap();
        let form: String = time
            .chars()
            .map(|one| if one.is_ascii_digit() { '0' } else { one })
            .collect();
        assert_eq!(form, "0000-00-00T00:00:00.000Z");
    }
    let methods = [
        "GET", "GET", "HEAD", "GET", "GET", "GET", "GET", "PUT", "POST", "GET",
    ];
    assert_eq!(texts(&lines, "method"), methods);
    let programs = [
        "squared",
        "squared",
        "squared",
        "blog/post",
        "blog/archive/post",
        "-",
        "failing/fails",
        "-",
        "submit",
        "squared",
    ];
    assert_eq!(texts(&lines, "program"), programs);
    assert_eq!(lines[0]["path"], "/squared");
    assert_eq!(lines[0]["query"], "x=7");
    assert!(lines[5].get("query").is_none());
    assert_eq!(lines[3]["path"], "/old/a%0Ab");
    assert!(
        lines[0]["cache_status"]
            .as_str()
            .unwrap()
            .contains("fwd=uri-miss")
    );
    assert!(
        lines[1]["cache_status"]
            .as_str()
            .unwrap()
            .contains("; hit; ttl=")
    );
    // In the order in which they were answered.
    let mut times = texts(&lines, "time");
    times.sort_unstable();
    assert_eq!(times, texts(&lines, "time"));
}

#[test]
fn as_text_a_line_has_the_same_fields() {
    let logged = Logged::start(&[]);
    let reply = logged
        .server
        .get("/squared?x=7", "X-Request-Id: \"a=b\"\r\n");
    let text = logged.end_with_text();
    let (time, rest) = text.split_once(' ').unwrap();
    assert!(time.ends_with('Z'), "{text}");
    let expected = "client=127.0.0.1 method=GET path=/squared query=\"x=7\" program=squared status=200 bytes=9 seconds=0.";
    assert!(rest.starts_with(expected), "{text}");
    let status = reply.field("cache-status").unwrap();
    let expected = format!("cache_status=\"{status}\" request_id=\"\\\"a=b\\\"\"\n");
    assert!(rest.ends_with(&expected), "{text}");
}

#[test]
fn a_request_has_an_id_which_no_page_keeps() {
    let logged = Logged::json(&[]);
    let mut connection = logged.server.connect();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let long = "x".repeat(129);
    let mut ids = Vec::new();
    for (fields, taken) in [
        (String::new(), None),
        ("X-Request-Id: shop-1\r\n".to_owned(), Some("shop-1")),
        (String::new(), None),
        (
            format!("X-Request-Id: {}\r\n", &long[..128]),
            Some(&long[..128]),
        ),
        (format!("X-Request-Id: {long}\r\n"), None),
        ("X-Request-Id: two words\r\n".to_owned(), None),
        ("X-Request-Id: \r\n".to_owned(), None),
        ("X-Request-Id: a\r\nX-Request-Id: b\r\n".to_owned(), None),
        (
            format!("traceparent: 00-{trace}-00f067aa0ba902b7-01\r\n"),
            Some(trace),
        ),
        (
            format!("traceparent: 00-{}-00f067aa0ba902b7-01\r\n", "0".repeat(32)),
            None,
        ),
    ] {
        let reply = get(&mut connection, "/squared?x=7", &fields);
        let id = reply.field("x-request-id").unwrap().to_owned();
        match taken {
            Some(taken) => assert_eq!(id, taken),
            None => assert!(!fields.contains(&id) && id.len() < 40, "{fields} {id}"),
        }
        ids.push(id);
    }
    let lines = logged.end();
    assert_eq!(texts(&lines, "request_id"), ids);
    let traces = texts(&lines, "trace_id");
    assert_eq!((traces[0], traces[8], traces[9]), ("-", trace, "-"));
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn without_an_access_log_no_response_has_an_id() {
    let server = Server::start();
    for target in ["/squared?x=7", "/nothing", "/failing/fails"] {
        let reply = server.get(target, "X-Request-Id: shop-1\r\n");
        assert_eq!(reply.field("x-request-id"), None);
    }
}

#[test]
fn the_client_is_who_a_trusted_proxy_says_and_nobody_else() {
    let forwarded = "X-Forwarded-For: 6.6.6.6, 2001:db8::7, 10.1.1.1\r\nForwarded: for=7.7.7.7\r\n";
    for (options, client) in [
        (&[][..], "127.0.0.1"),
        (&["http.trusted_proxies=192.0.2.0/24"], "127.0.0.1"),
        (&["http.trusted_proxies=127.0.0.0/8"], "10.1.1.1"),
        (
            &["http.trusted_proxies=127.0.0.0/8, 10.0.0.0/8"],
            "2001:db8::7",
        ),
        (
            &[
                "http.trusted_proxies=[\"127.0.0.1\", \"::1\"]",
                "http.client_field=Forwarded",
            ],
            "7.7.7.7",
        ),
    ] {
        let logged = Logged::json(options);
        logged.server.get("/squared?x=7", forwarded);
        assert_eq!(texts(&logged.end(), "client"), [client], "{options:?}");
    }
}

#[test]
fn a_share_of_the_requests_is_told_and_every_failure_of_the_server() {
    let logged = Logged::json(&["log.access=0.1"]);
    let mut connection = logged.server.connect();
    let mut told = 0;
    for n in 0..400 {
        let target = if n % 40 == 7 {
            "/failing/fails"
        } else {
            "/squared?x=7"
        };
        let reply = ask(&mut connection, target);
        assert!(reply.status == 200 || reply.field("x-request-id").is_some());
        told += usize::from(reply.field("x-request-id").is_some());
    }
    let lines = logged.end();
    assert_eq!(lines.len(), told);
    let failed = lines.iter().filter(|line| line["status"] == 500).count();
    assert_eq!(failed, 10);
    assert!((35..=55).contains(&told), "{told}");
}

#[test]
fn a_client_that_goes_before_its_response_is_told() {
    let logged = Logged::json(&[]);
    let mut connection = logged.server.connect();
    connection.send("GET /lab/gated/gone HTTP/1.1\r\nHost: a\r\n\r\n");
    logged.server.get("/lab/started/gone", "");
    drop(connection);
    // The server has seen it when it says so.
    test_servers::wait_until("the line is written", || {
        read(logged.folder.path()).contains("/lab/gated/gone")
    });
    logged.server.get("/lab/opened/gone", "");
    let lines = logged.end();
    let gone = lines.iter().find(|line| line["path"] == "/lab/gated/gone");
    let gone = gone.unwrap();
    assert_eq!(gone["status"], 499);
    assert_eq!(gone["program"], "lab/gated");
    assert_eq!(gone["bytes"], 0);
}

#[test]
fn a_response_that_is_cut_says_how_much_of_it_was_sent() {
    let logged = Logged::json(&[]);
    let bytes = 12 << 20;
    let mut connection = logged.server.connect();
    connection.send(format!("GET /large/{bytes} HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(connection.line().contains("200"));
    drop(connection);
    test_servers::wait_until("the line is written", || {
        read(logged.folder.path()).contains("/large/")
    });
    let lines = logged.end();
    assert_eq!(lines[0]["cut"], true, "{lines:?}");
    assert_eq!(lines[0]["status"], 200);
    assert!(lines[0]["bytes"].as_u64().unwrap() < bytes);
}

#[test]
fn a_full_disk_is_told_and_hurts_no_request() {
    let logged = Logged::start(&["log.access_file=/dev/full"]);
    let mut connection = logged.server.connect();
    for _ in 0..100 {
        assert_eq!(ask(&mut connection, "/squared?x=7").status, 200);
    }
    logged.server.until_logged("access log: lines are lost");
    logged.server.terminate();
    let (_, log) = logged.server.end();
    let told = log.lines().filter(|line| line.contains("lines are lost"));
    let lost = told.map(|line| {
        let (_, lines) = line.split_once("lines=").unwrap();
        lines.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    assert_eq!(lost.sum::<u64>(), 100, "{log}");
    assert!(log.contains("No space left"), "{log}");
}

#[test]
fn a_closed_standard_output_hurts_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = crate::testbed::command(folder.path());
    command.stdout(std::io::pipe().unwrap().1);
    let options = ["--set", "cache=locmem", "--set", "log.access=on"];
    let server = Server::start_from(command, &options);
    for _ in 0..10 {
        assert_eq!(server.get("/squared?x=7", "").status, 200);
    }
    server.terminate();
    let (status, log) = server.end();
    assert!(status.success(), "{log}");
    assert!(log.contains("lines are lost"), "{log}");
}

#[test]
fn without_a_file_the_lines_go_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = crate::testbed::command(folder.path());
    let path = folder.path().join("out");
    command.stdout(std::fs::File::create(&path).unwrap());
    let options = ["--set", "cache=locmem", "--set", "log.access=on"];
    let server = Server::start_from(command, &options);
    server.get("/squared?x=7", "");
    server.terminate();
    server.end();
    let lines = std::fs::read_to_string(path).unwrap();
    assert!(lines.contains(" program=squared "), "{lines}");
}

#[test]
fn no_request_writes_a_line_of_its_own_or_a_long_one() {
    for format in ["text", "json"] {
        let logged = Logged::start(&[&format!("log.format={format}")]);
        let long = "x".repeat(15_000);
        let mut requests = 0;
        for target in [
            format!("/{long}?{long}"),
            format!("/squared/{long}"),
            "/\u{202e}\u{9b}31m".to_owned(),
            "/a\"b\\c?\"".to_owned(),
            "/%0D%0A%1B[31m?%0A".to_owned(),
            "*".to_owned(),
        ] {
            let mut connection = logged.server.connect();
            let id = "X-Request-Id: \u{1b}[31m\r\n";
            for fields in ["", id, &format!("Accept: {long}\r\n")] {
                connection.try_send(format!(
                    "{} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n",
                    "X".repeat(300)
                ));
                requests += u32::from(connection.try_receive("GET").is_some());
            }
        }
        let text = logged.end_with_text();
        assert!(
            requests > 0 && text.lines().count() <= requests as usize,
            "{text}"
        );
        for line in text.lines() {
            assert!(line.len() < 1_500, "{line}");
            assert!(!line.contains(giotto_cache::log::is_control), "{line:?}");
            assert!(line.contains("method"), "{line}");
            if format == "json" {
                serde_json::from_str::<Value>(line).unwrap();
            }
        }
    }
}

#[test]
fn sighup_opens_a_file_again_that_was_moved_away() {
    let logged = Logged::json(&[]);
    let (path, moved) = (
        logged.folder.path().join("access.log"),
        logged.folder.path().join("access.log.1"),
    );
    logged.server.get("/squared?x=1", "");
    std::fs::rename(&path, &moved).unwrap();
    logged.server.get("/squared?x=2", "");
    logged.server.signal("HUP");
    test_servers::wait_until("the file is opened again", || path.exists());
    logged.server.get("/squared?x=3", "");
    let moved = std::fs::read_to_string(moved).unwrap();
    assert_eq!(moved.lines().count(), 2, "{moved}");
    assert_eq!(texts(&logged.end(), "query"), ["x=3"]);
}
