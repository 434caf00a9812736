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
