//! Errors and panics: what is logged, how often, and what a client sees of it.

use crate::ask;
use crate::server::Server;

#[test]
fn internal_errors_are_for_the_log_and_for_debugging() {
    for (options, told) in [
        (&["--set", "debug=false"], false),
        (&["--set", "debug=true"], true),
    ] {
        let server = Server::start_with(options);
        for accept in ["text/html", "application/json", "text/plain"] {
            let reply = server.get("/failing/fails", &format!("Accept: {accept}\r\n"));
            assert_eq!(reply.status, 500);
            assert_eq!(reply.text().contains("hunter2"), told, "{}", reply.text());
            let reply = server.get("/failing/panics", &format!("Accept: {accept}\r\n"));
            assert_eq!(reply.status, 500);
            assert!(!reply.text().contains("a secret of"), "{}", reply.text());
        }
        let log = server.kill();
        let line = log.lines().find(|line| line.contains("hunter2")).unwrap();
        assert!(
            line.contains("/failing/fails") && line.contains("src/secret.rs"),
            "{line}"
        );
        assert!(log.contains("a secret of the implementation"));
    }
}

#[test]
fn the_same_error_of_a_program_is_counted_and_told_at_most_once_a_second() {
    let server = Server::start();
    let (fails, quotes) = (300, 200);
    let mut connection = server.connect();
    let started = std::time::Instant::now();
    let mut ask = |target: &str| {
        connection.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(connection.receive("GET").status, 500);
    };
    for n in 0..fails {
        ask(&format!("/failing/fails?n={n}"));
        ask("/failing/hostile");
    }
    for _ in 0..quotes {
        ask("/failing/quotes/apple");
    }
    let seconds = started.elapsed().as_secs_f64();
    server.terminate();
    let (_, log) = server.end();
    let counts = |error: &str| -> Vec<u64> {
        let lines = log.lines().filter(|line| line.contains(error));
        let repeated = lines.map(|line| line.split_once("repeated="));
        repeated
            .map(|at| at.map_or(1, |(_, n)| n.split(' ').next().unwrap().parse().unwrap()))
            .collect()
    };
    for (error, times) in [
        ("there is no price of apple", quotes),
        ("program=\"failing/fails\"", fails),
        ("program=\"failing/hostile\"", fails),
    ] {
        let counts = counts(error);
        assert_eq!(counts.iter().sum::<u64>(), times, "{log}");
        // One at once, one for each second, and what is left at the end.
        assert!((counts.len() as f64) <= seconds + 2.0, "{seconds} {log}");
    }
}

#[test]
fn panics_at_one_place_are_counted_and_told_at_most_once_a_second() {
    let server = Server::start();
    let started = std::time::Instant::now();
    let mut connection = server.connect();
    for _ in 0..200 {
        assert_eq!(ask(&mut connection, "/failing/panics").status, 500);
    }
    let seconds = started.elapsed().as_secs_f64();
    server.terminate();
    let (_, log) = server.end();
    let told = log.matches("a secret of the implementation").count();
    let counted = log.lines().filter(|line| line.contains("panicked again"));
    let counts: Vec<u64> = counted
        .map(|line| {
            line.split_once("repeated=")
                .unwrap()
                .1
                .trim()
                .parse()
                .unwrap()
        })
        .collect();
    assert!(told >= 1 && log.contains("common/models.rs"), "{log}");
    assert_eq!(told as u64 + counts.iter().sum::<u64>(), 200, "{log}");
    assert!((told + counts.len()) as f64 <= seconds + 2.0, "{log}");
}

#[test]
fn what_a_client_sends_fills_no_log_and_is_shown_in_it() {
    let server = Server::start();
    let mut connection = server.connect();
    let requests = 400;
    let mut longest = 0;
    for n in 0..requests {
        let text = "%0D%0A%1B%5B2J%C2%9B".to_owned() + &"x".repeat(15_000) + &n.to_string();
        longest += text.len();
        connection.send(format!(
            "GET /failing/quotes/{text} HTTP/1.1\r\nHost: a\r\n\r\n"
        ));
        assert_eq!(connection.receive("GET").status, 500);
    }
    server.terminate();
    let (_, log) = server.end();
    // However slow this machine is: a line for each request, at most, of less than a kilobyte.
    assert!(log.len() < longest / 10, "{} of {longest}", log.len());
    for line in log.lines() {
        assert!(line.len() < 1_000, "{line}");
        assert!(!line.contains(['\u{1b}', '\u{9b}', '\r']), "{line:?}");
    }
    assert!(
        log.contains(r"there is no price of \r\n\u{1b}[2J\u{9b}xxx"),
        "{log}"
    );
    assert!(log.contains("x… (15"), "{log}");
}

#[test]
fn a_panicking_model_fails_its_own_request_only() {
    let server = Server::start();
    let mut connection = server.connect();
    for _ in 0..3 {
        connection.send("GET /failing/panics HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(connection.receive("GET").status, 500);
        connection.send("GET /squared?x=3 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(connection.receive("GET").text(), "<p>9</p>");
    }
}

/// The reader of an error page tells an id, and it leads to the line that says why.
#[test]
fn a_failure_has_the_id_of_its_request() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let file = format!("log.access_file={}", path.display());
    let server = Server::start_with(&["--set", "log.access=on", "--set", &file]);
    let own = server.get("/failing/fails", "");
    let own = own.field("x-request-id").unwrap().to_owned();
    let given = server.get("/failing/panics", "X-Request-Id: abc-1\r\n");
    assert_eq!(given.field("x-request-id"), Some("abc-1"));
    server.terminate();
    let (_, log) = server.end();
    for (id, path) in [(&*own, "/failing/fails"), ("abc-1", "/failing/panics")] {
        let mut lines = log.lines().filter(|line| line.contains("program failed"));
        let line = lines.find(|line| line.contains(path)).expect(&log);
        assert!(line.contains(&format!("request_id=\"{id}\"")), "{line}");
    }
    let access = std::fs::read_to_string(path).unwrap();
    assert!(
        access.contains(&own) && access.contains("abc-1"),
        "{access}"
    );
}

#[test]
fn log_lines_are_json_where_asked() {
    let server = Server::start_with(&["--set", "cache=locmem", "--set", "log.format=json"]);
    let text = "%0A%1B[2J\"".to_owned() + &"x".repeat(15_000);
    for target in [
        "/failing/fails",
        "/failing/panics",
        "/failing/hostile",
        &format!("/failing/quotes/{text}"),
        "/nothing",
    ] {
        server.get(target, "");
    }
    server.terminate();
    let (_, log) = server.end();
    let lines = log.lines().map(serde_json::from_str);
    let lines: Vec<serde_json::Value> = lines.collect::<Result<_, _>>().expect(&log);
    let has = |level: &str, field: &str, text: &str| {
        let mut lines = lines.iter().filter(|line| line["level"] == level);
        lines.any(|line| {
            line[field]
                .as_str()
                .is_some_and(|found| found.contains(text))
        })
    };
    assert!(has("ERROR", "message", "program failed"), "{log}");
    assert!(has("ERROR", "program", "failing/fails"), "{log}");
    assert!(
        has("ERROR", "panic", "a secret of the implementation"),
        "{log}"
    );
    assert!(has("INFO", "message", "stopping"), "{log}");
    assert!(
        lines
            .iter()
            .all(|line| line["time"].is_string() && line["target"].is_string())
    );
    assert!(log.lines().all(|line| line.len() < 1_500), "{log}");
}

#[test]
fn a_panic_shows_no_more_of_what_a_client_sends_than_other_lines() {
    let server = Server::start();
    let text = "%0D%0A%1B%5B2J".to_owned() + &"x".repeat(15_000);
    assert_eq!(
        server.get(&format!("/failing/panics/{text}"), "").status,
        500
    );
    let log = server.kill();
    assert!(log.contains("a secret of the implementation"), "{log}");
    assert!(log.contains(r"\r\n\u{1b}[2Jxxx"), "{log}");
    assert!(log.lines().all(|line| line.len() < 1_000), "{log}");
}

/// However many requests there are, of whatever kind: the log grows with the time, and slowly.
#[test]
fn ten_thousand_hostile_requests_write_a_bounded_log() {
    let server = Server::start();
    let mut connection = server.connect();
    let started = std::time::Instant::now();
    let long = "x".repeat(300);
    for n in 0..10_000 {
        let (method, target, fields) = match n % 10 {
            0 | 1 => ("GET", format!("/failing/quotes/{n}{long}"), String::new()),
            2 => ("GET", format!("/failing/panics/{n}{long}"), String::new()),
            3 => ("GET", format!("/failing/fails?n={n}"), String::new()),
            4 => ("GET", format!("/nothing/{n}"), String::new()),
            5 => ("GET", format!("/squared?x={n}{long}"), String::new()),
            6 => ("PUT", format!("/squared?x={n}"), String::new()),
            7 => ("GET", format!("/echo/{n}{long}"), String::new()),
            8 => (
                "GET",
                "/squared?x=1".to_owned(),
                format!("Accept: text/{n}{long}\r\n"),
            ),
            _ => ("GET", "/failing/hostile".to_owned(), String::new()),
        };
        connection.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"
        ));
        let reply = connection.try_receive(method);
        assert!(reply.is_some_and(|reply| reply.status >= 200));
    }
    let seconds = started.elapsed().as_secs_f64();
    server.terminate();
    let (_, log) = server.end();
    // 16 events and "others" for each ten seconds, each repeated less and less often, and what is left at the end.
    let most = 40.0 + 4.0 * seconds;
    let lines = log.lines().count();
    assert!((lines as f64) < most, "{lines} lines in {seconds} s: {log}");
    assert!(log.lines().all(|line| line.len() < 1_000), "{log}");
}
