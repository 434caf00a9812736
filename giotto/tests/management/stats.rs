//! `mgt/cache/stats`: whose counters they are, and what the store holds.

use serde_json::Value;

use crate::Desk;
#[cfg(feature = "redis")]
use crate::server::Server;

/// `text` with one space between its columns.
fn narrow(text: &str) -> String {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(|line| words(line) + "\n").collect()
}

#[test]
fn a_command_has_counted_nothing_and_does_not_show_that() {
    let desk = Desk::new();
    let text = desk.says(&["mgt/cache/stats"]);
    assert!(text.starts_with("store "), "{text}");
    assert!(!text.contains("hits"), "{text}");
    assert!(
        text.contains("no server of this application runs here"),
        "{text}"
    );
    let report = desk.json(&["mgt/cache/stats.json"]);
    assert_eq!(report["processes"], serde_json::json!([]));
    assert_eq!(report.get("counts"), None);
}

#[test]
fn stats_says_what_the_store_holds() {
    let desk = Desk::new();
    desk.says(&["mgt/cache/warm", "squared.html", "x=1..30"]);
    let text = narrow(&desk.says(&["mgt/cache/stats"]));
    for part in [
        "\nentries 30 of 1,000,000\n",
        " KiB (",
        " bytes) of 256 MiB\n",
        "\nfigures of the whole table: every namespace",
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
    // No server runs whose memory could be shown, and that of the command is not.
    let shown = narrow(&ran.stdout);
    assert!(shown.starts_with("store RedisKeyValue"), "{ran:?}");
    let server = Server::start_in(desk.path(), &layers);
    let ran = desk.with(&layers, &["mgt/cache/stats"]);
    for part in [
        "store LocMemKeyValue",
        "\nentries 0\nbytes 0 bytes of 64 MiB\n",
        "\nfigures of the memory of 1 process\nstore RedisKeyValue",
        "\ndid not answer: Redis at 127.0.0.1:1: ",
    ] {
        assert!(narrow(&ran.stdout).contains(part), "{part}: {ran:?}");
    }
    let ran = desk.with(&layers, &["mgt/cache/stats.json"]);
    drop(server);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["layers"][0]["entries"], 0);
    assert_eq!(report["layers"][1]["entries"], Value::Null);
    let error = report["layers"][1]["error"].as_str().unwrap();
    assert!(error.starts_with("Redis at 127.0.0.1:1: "), "{error}");
}
