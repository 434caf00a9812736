//! Help tells what the manifest knows.

use crate::{ran, run, testbed};

#[test]
fn help_tells_what_the_manifest_knows() {
    let list = run(&[]);
    assert_eq!((list.code, &*list.stderr), (Some(0), ""));
    for line in [
        "squared",
        "Squares a number.",
        "blog/archive/post",
        "testbed cmd PROGRAM",
    ] {
        assert!(list.stdout.contains(line), "{line}: {}", list.stdout);
    }
    assert!(
        !list.stdout.contains("\n  page"),
        "a program of the web only: {}",
        list.stdout
    );
    for words in [
        &["paint", "--help"][..],
        &["paint", "-h"],
        &["paint", "red", "--help"],
    ] {
        let help = run(words);
        assert_eq!((help.code, &*help.stderr), (Some(0), ""));
        for word in [
            "Paints a wall.",
            "testbed cmd paint[.FORMAT] colour=VALUE [coats=VALUE]",
            "--colour",
            "red, green",
            "Of what colour. [required]",
            "How many coats. [default: 4]",
        ] {
            assert!(
                help.stdout.to_lowercase().contains(&word.to_lowercase()),
                "{word}: {}",
                help.stdout
            );
        }
    }
    let help = run(&["greet", "--help"]).stdout;
    assert!(
        help.contains("[optional]") && help.contains("[default: Hello]"),
        "{help}"
    );
    let help = run(&["sum", "--help"]).stdout;
    assert!(
        help.contains("[may be repeated, or is one JSON array]"),
        "{help}"
    );
    let help = run(&["search", "--help"]).stdout;
    for words in [
        "search[.FORMAT] filter=VALUE [numbers=VALUE] [sort=VALUE]",
        "--filter <JSON OBJECT>",
        "[aliases: n]",
        "[default: [3]]",
    ] {
        assert!(help.contains(words), "{words}: {help}");
    }
    assert!(!help.contains("--order_by"), "{help}");
    for words in [&["--help"][..], &["-h"]] {
        let help = run(words);
        assert_eq!(help.code, Some(0), "{help:?}");
        assert!(help.stdout.contains("--model-mock") && help.stdout.contains("--config"));
    }
    let folder = tempfile::tempdir().unwrap();
    let help = ran(testbed::command(folder.path()).arg("--help"));
    assert_eq!(help.code, Some(0));
    for command in ["http", "cmd", "completions", "man"] {
        let line = format!("\n  {command} ");
        assert!(help.stdout.contains(&line), "{command}: {help:?}");
    }
    let nothing = ran(&mut testbed::command(folder.path()));
    assert!(
        nothing.code == Some(2) && nothing.stdout.is_empty() && nothing.stderr.contains("http")
    );
    let unknown = ran(testbed::command(folder.path()).arg("htp"));
    assert!(
        unknown.code == Some(2) && unknown.stderr.contains("'http'"),
        "{unknown:?}"
    );
}
