//! Colours, and data that would command a terminal.

use crate::{Shown, on_terminal, ran, run, testbed};

#[test]
fn colours_are_for_terminals() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, value: &str| {
        let mut command = testbed::command(folder.path());
        ran(command.env(name, value).args(["cmd", "multiply/2/3"]))
    };
    run("A", "a").says("2 * 3 = 6\n");
    run("NO_COLOR", "1").says("2 * 3 = 6\n");
    run("CLICOLOR_FORCE", "1").says("\x1b[32m2 * 3 = \x1b[31m6\x1b[0m\n");
    let environments = [("A", "a"), ("NO_COLOR", "1")];
    let [coloured, plain] =
        environments.map(|variable| on_terminal(&[variable], &["multiply/2/3"], Shown::Both));
    assert!(coloured.contains("\x1b[32m2 * 3"), "{coloured:?}");
    assert_eq!(plain.trim_end(), "2 * 3 = 6");
}

/// Sequences that move the cursor, clear the screen, set the title or a colour, or turn text around.
const HOSTILE: &str =
    "a\x1b[2J\x1b]0;title\x07\x1b[31mb\u{9b}1A\u{9d}0;t\u{9c}\u{202e}c\u{2066}\x08\x7f\rd";
const VISIBLE: &str = r"a\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}[31mb\u{9b}1A\u{9d}0;t\u{9c}\u{202e}c\u{2066}\u{8}\u{7f}\rd";

/// Whether a terminal would obey something in `text`.
fn is_obeyed(text: &str) -> bool {
    let text = text.replace("\r\n", "\n");
    let mut characters = text.chars();
    characters.any(|c| c.is_control() && c != '\n' || "\u{202e}\u{2066}".contains(c))
}

#[test]
fn data_on_a_terminal_is_visible_and_in_a_pipe_as_it_is() {
    let argument = format!("text={HOSTILE}");
    for program in ["echo", "echo.txt", "echo.html"] {
        let shown = on_terminal(&[], &[program, &argument], Shown::Both);
        assert!(shown.contains(VISIBLE), "{program} {shown:?}");
        assert!(!is_obeyed(&shown), "{program} {shown:?}");
        let piped = run(&[program, &argument]);
        assert!(piped.stdout.contains(HOSTILE), "{program} {piped:?}");
    }
    // JSON escapes the one half itself.
    let json = on_terminal(&[], &["echo.json", &argument], Shown::Both);
    assert!(
        json.contains(r"\u001b[2J") && json.contains(r"\u{9b}1A"),
        "{json:?}"
    );
    assert!(!is_obeyed(&json), "{json:?}");
    // Text in other scripts is not touched.
    let text = "שלום 👩\u{200d}💻 ü\tz";
    let shown = on_terminal(&[], &["echo", &format!("text={text}")], Shown::Stdout);
    assert_eq!(shown.trim_end(), text);
}

#[test]
fn json_has_lines_on_a_terminal_only() {
    let shown = on_terminal(&[], &["squared.json", "x=12"], Shown::Stdout);
    assert_eq!(shown.replace("\r\n", "\n"), "{\n  \"x\": 144\n}\n");
    run(&["squared.json", "x=12"]).says("{\"x\":144}");
}

#[test]
fn errors_help_and_advice_on_a_terminal_obey_no_data() {
    let stored = format!("text={HOSTILE}");
    let unknown = format!("--{HOSTILE}=1").replace("\x1b[31m", "");
    for words in [
        &["blog/post", HOSTILE][..],
        &["failing/hostile"],
        &["echo", &unknown],
        &[HOSTILE],
        &["-v", "echo", &stored],
        &["mgt/cache/get", "echo", &stored],
        &["mgt/cache/explain", "echo", &stored],
        &["mgt/cache/purge", "tag=a\x1b[2Jb"],
    ] {
        for shown in [Shown::Both, Shown::Stderr] {
            let said = on_terminal(&[], words, shown);
            assert!(!is_obeyed(&without_colours(&said)), "{words:?} {said:?}");
        }
    }
    let error = on_terminal(&[], &["failing/hostile"], Shown::Stderr);
    assert_eq!(error.trim_end(), format!("error: {VISIBLE}"));
    let piped = run(&["failing/hostile"]);
    assert_eq!(piped.stderr, format!("error: {HOSTILE}\n"));
    // Help keeps the colours of the command line itself.
    let help = on_terminal(&[], &["echo", "--help"], Shown::Both);
    assert!(help.contains("Says what it was told."), "{help:?}");
}

/// `text` without the colours of the command line's own messages.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| match part.split_once('m') {
        Some((colour, rest)) if colour.bytes().all(|b| b.is_ascii_digit() || b == b';') => {
            text + rest
        }
        _ => text + "\x1b[" + part,
    })
}
