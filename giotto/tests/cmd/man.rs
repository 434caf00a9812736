//! The manual page, as mandoc reads it.

use std::process::Command;

use crate::{ran, testbed};

#[test]
fn the_manual_page_has_what_help_says_and_no_warning() {
    let folder = tempfile::tempdir().unwrap();
    let written = ran(testbed::command(folder.path()).args(["man", "man1"]));
    written.says("man1/testbed.1\n");
    let page = std::fs::read_to_string(folder.path().join("man1/testbed.1")).unwrap();
    ran(testbed::command(folder.path()).arg("man")).says(&page);
    let mandoc = |output: &str| {
        let mut mandoc = Command::new("mandoc");
        mandoc.current_dir(folder.path());
        ran(mandoc.args(["-T", output, "man1/testbed.1"])).stdout
    };
    // One line is one paragraph, and the page has no date, so that one application makes one page.
    let lint = mandoc("lint");
    let is_warning = |line: &&str| !line.contains("STYLE: input text line longer than 80 bytes");
    let warnings: Vec<_> = lint.lines().filter(is_warning).collect();
    assert!(
        matches!(warnings[..], [date] if date.contains("missing date")),
        "{warnings:?}"
    );
    let shown = mandoc("ascii");
    // Without bold type: each letter is followed by a backspace and itself.
    let mut letters: Vec<char> = shown.chars().collect();
    while let Some(at) = letters.iter().position(|&letter| letter == '\x08') {
        letters.drain(at - 1..=at);
    }
    let shown: String = letters.into_iter().collect();
    let words: Vec<_> = shown.split_whitespace().collect();
    let shown = words.join(" ");
    for text in [
        "testbed http [OPTION]...",
        "testbed cmd [OPTION]... [PROGRAM]",
        "testbed cmd paint[.FORMAT] colour=VALUE [coats=VALUE] Paints a wall. --colour RED, GREEN Of what colour. [required]",
        "MANAGEMENT mgt/cache/advise",
        "http.port The port to listen on; 0 is any free one. Default: 5000.",
        "GIOTTO_CONFIG The path of the configuration, instead of giotto.toml.",
        "3 With --cache=only: there is no stored page.",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
}

#[test]
fn a_page_that_cannot_be_written_is_an_error_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let refused = ran(testbed::command(folder.path()).args(["man", "file/man1"]));
    assert_eq!((refused.code, &*refused.stdout), (Some(1), ""));
    for text in ["file/man1/testbed.1", "name a folder that you may write to"] {
        assert!(refused.stderr.contains(text), "{refused:?}");
    }
}
