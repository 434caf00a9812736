//! SIGHUP: the configuration is read again, and the log says what came of it.

use crate::server::Server;

/// A server whose file has these `settings`, and what changes the file and reloads it.
fn reloads(settings: &str) -> (Server, impl Fn(&str) + use<>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("giotto.toml");
    std::fs::write(&file, settings).unwrap();
    let server = Server::start_in(folder.path(), &[]);
    let write = move |settings: &str| {
        let _kept = &folder;
        std::fs::write(&file, settings).unwrap();
    };
    (server, write)
}

/// The lines of `log` about reloading.
fn told(log: &str) -> Vec<&str> {
    log.lines()
        .filter(|line| line.contains("reloaded"))
        .collect()
}

#[test]
fn what_can_change_is_taken_and_the_rest_is_told() {
    let (server, write) = reloads("log = \"warn\"\nhttp.drain_seconds = 600");
    let mut idle = server.connect();
    assert_eq!(crate::ask(&mut idle, "/page?x=1").status, 200);
    write("log = \"info\"\nnamespace = \"new\"\n[http]\ndrain_seconds = 0\nport = 1");
    server.signal("HUP");
    server.until_logged("configuration reloaded");
    // A line of the new level.
    server.signal("USR1");
    server.until_logged("signal ignored");
    // The time of the new file: the idle client is not waited for.
    server.terminate();
    let (status, log) = server.end();
    assert_eq!(status.code(), Some(0), "{log}");
    let told = told(&log);
    assert_eq!(told.len(), 1, "{log}");
    for words in [
        "changed=\"http.drain_seconds, log\"",
        "unchanged=\"namespace\"",
        "needs a restart",
    ] {
        assert!(told[0].contains(words), "{}", told[0]);
    }
}

#[test]
fn what_needs_a_restart_is_told_until_there_is_one() {
    let (server, write) = reloads("log = \"info\"\ncache = \"locmem\"");
    for (settings, words) in [
        ("cache = \"dummy\"", "changed=\"log\" unchanged=\"cache\""),
        (
            "cache = \"dummy\"\nlog = \"debug\"",
            "changed=\"log\" unchanged=\"cache\"",
        ),
        ("cache = \"locmem\"\nlog = \"debug\"", "changed=\"\""),
        ("cache = \"locmem\"\nlog = \"error\"", "changed=\"log\""),
    ] {
        let before = told(&server.log()).len();
        write(settings);
        server.signal("HUP");
        test_servers::wait_until("it says what came of it", || {
            told(&server.log()).len() > before
        });
        let log = server.log();
        let last = told(&log).pop().unwrap();
        assert!(last.contains(words), "{settings}: {last}");
    }
    assert_eq!(server.get("/squared?x=12", "").status, 200);
}

#[test]
fn budgets_are_taken_at_once_and_what_is_stored_stays() {
    let budget =
        |entries: u32| format!("cache = \"locmem\"\n[budget.squared]\nmax_entries = {entries}");
    let (one, two) = (budget(1), budget(2));
    let (server, write) = reloads(&one);
    let status = |x: u32| {
        let reply = server.get(&format!("/squared?x={x}"), "");
        reply.field("cache-status").unwrap().to_owned()
    };
    assert!(status(1).contains("; stored"));
    assert!(status(2).contains("over-budget"), "{}", status(2));
    server.until_logged("over budget: new pages of this program are computed and not stored");
    write(&two);
    server.signal("HUP");
    server.until_logged("changed=\"budget.squared.max_entries\"");
    assert!(status(2).contains("; stored"));
    assert!(status(1).starts_with("giotto; hit"));
    assert!(status(3).contains("over-budget"));
    // A mistake is told, and the old budget stays.
    write("cache = \"locmem\"\n[budget.sqared]\nmax_entries = 9");
    server.signal("HUP");
    server.until_logged("did you mean \"squared\"?");
    assert!(status(3).contains("over-budget"));
}

#[test]
fn the_limits_of_a_store_change_where_the_store_follows() {
    let (server, write) =
        reloads("log = \"info\"\n[cache]\nengine = \"locmem\"\nmax_bytes = 1_000_000");
    let size = |number: usize| format!("/large?bytes={}", 400_000 + number);
    assert_eq!(server.get(&size(0), "").status, 200);
    let status = |target: &str| {
        let reply = server.get(target, "");
        reply.field("cache-status").unwrap().to_owned()
    };
    assert!(status(&size(0)).contains("hit"));
    write("log = \"info\"\n[cache]\nengine = \"locmem\"\nmax_bytes = 100_000\ndeadline_ms = 50");
    server.signal("HUP");
    server.until_logged("configuration reloaded");
    let log = server.log();
    let last = told(&log).pop().unwrap();
    assert!(
        last.contains("changed=\"cache.deadline_ms, cache.max_bytes\""),
        "{last}"
    );
    assert!(!status(&size(0)).contains("hit"));
    assert!(!status(&size(0)).contains("hit"));
}

#[test]
fn a_broken_file_changes_nothing() {
    let (server, write) = reloads("log = \"info\"\ncache = \"locmem\"");
    let key = "0123456789abcdef";
    for (settings, word) in [
        ("log = \"debug", "giotto.toml:1:"),
        ("log = \"loud\"", "log = "),
        ("log = \"debug\"\nlogs = 1", "unknown key"),
        (
            "log = \"debug\"\ncache = { engine = \"locmem\", max_bytes = 1 }",
            "max_bytes",
        ),
        (&format!("signing_key = \"{key}\""), "16 bytes"),
    ] {
        let before = told(&server.log()).len();
        write(settings);
        server.signal("HUP");
        test_servers::wait_until("it says what is wrong", || {
            told(&server.log()).len() > before
        });
        let log = server.log();
        let last = told(&log).pop().unwrap();
        assert!(
            last.contains("ERROR") && last.contains("nothing has changed"),
            "{last}"
        );
        assert!(last.contains(word) && !last.contains(key), "{last}");
    }
    assert_eq!(server.get("/squared?x=12", "").status, 200);
    server.terminate();
    let (_, log) = server.end();
    assert!(!log.contains("DEBUG"), "{log}");
}

#[test]
fn settings_of_the_application_and_the_base_need_a_restart_and_a_mistake_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("giotto.toml");
    let write = |settings: &str| std::fs::write(&file, settings).unwrap();
    write("log = \"info\"\n[app]\ngreeting = \"a\"");
    let mut testbed = crate::testbed::command(folder.path());
    testbed.env("SETTINGS", "1");
    let server = Server::start_from(testbed, &[]);
    for (settings, words) in [
        (
            "log = \"info\"\nhttp.base = \"/a\"\n[app]\ngreeting = \"b\"",
            "unchanged=\"app.greeting, http.base\"",
        ),
        ("log = \"info\"\n[app]\ngreting = \"b\"", "greting"),
        ("log = \"info\"\nhttp.base = \"a\"", "http.base"),
    ] {
        write(settings);
        server.signal("HUP");
        server.until_logged(words);
    }
    assert!(server.log().contains("nothing has changed"));
    assert_eq!(server.get("/page?x=1", "").status, 200);
}
