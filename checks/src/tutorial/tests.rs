use std::fs;
use std::path::Path;

use super::page::PAGE;
use super::tutorial;

/// A text of two steps, which makes a file and changes it.
const TEXT: &str = "\
# The tutorial

## 1. A file

```console
$ mkdir tutorial/greeting
$ cd tutorial/greeting
```

```text file=texts/hello.txt
Hello

World
```

```console
$ cat texts/*.txt
Hello
..
```

## 2. A change

```diff
--- texts/hello.txt
+++ texts/hello.txt
@@ -1,3 +1,3 @@
 Hello

-World
+Ada
```

```console
$ printf 'sent to %s\\n' \\
  http://localhost:5000/
sent to http://localhost:5000/
```
";

/// What following `text` says, where `files` are in the folder of the repository that it makes.
fn said(text: &str, files: &[(&str, &str)], through: Option<usize>) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(PAGE, text);
    fs::create_dir_all(root.path().join("examples/library")).unwrap();
    for (path, text) in files {
        write(&format!("examples/library/{path}"), text);
    }
    let violations = tutorial(root.path(), through).unwrap();
    let root = format!("{}/", root.path().canonicalize().unwrap().display());
    let said = violations.iter().map(|violation| {
        let what = violation.what.lines().collect::<Vec<_>>().join(" | ");
        format!("{}: {what}", violation.place.replace(&root, ""))
    });
    said.collect()
}

const HELLO: (&str, &str) = ("texts/hello.txt", "Hello\n\nAda\n");

#[test]
fn a_text_that_makes_what_the_repository_has_is_right() {
    let made = [
        HELLO,
        ("Cargo.lock", "not compared"),
        ("library.db-wal", ""),
    ];
    assert_eq!(said(TEXT, &made, None), [""; 0]);
}

#[test]
fn a_file_that_differs_or_is_missing_on_one_side_is_found() {
    let other = [("texts/hello.txt", "Hello\n\nAda"), ("b.rs", "")];
    assert_eq!(
        said(TEXT, &other, None),
        [
            "examples/library/b.rs: the tutorial does not make this file",
            "examples/library/texts/hello.txt: the tutorial makes it otherwise",
        ]
    );
    let more = TEXT.replace("$ cat texts/*.txt", "$ touch c.rs; cat texts/hello.txt");
    assert_eq!(
        said(&more, &[HELLO], None),
        ["examples/library/c.rs: only the tutorial makes this file"]
    );
}

#[test]
fn a_change_that_does_not_fit_ends_the_run_at_its_line() {
    let wrong = TEXT.replace("-World", "-Word");
    let line = 1 + wrong.lines().position(|line| line == "-Word").unwrap();
    let expected = format!("{PAGE}:{line}: from this line on, the change does not fit the file");
    assert_eq!(said(&wrong, &[], None), [expected]);
    let moved = TEXT.replace("@@ -1,3 +1,3 @@", "@@ -2,3 +2,3 @@");
    let expected = format!(
        "{PAGE}:{}: from this line on, the change does not fit the file",
        line - 2
    );
    assert_eq!(said(&moved, &[], None), [expected]);
    let gone = TEXT.replace("+++ texts/hello.txt", "+++ texts/other.txt");
    let told = said(&gone, &[], None);
    assert!(
        told[0].contains("cannot read") && told.len() == 1,
        "{told:?}"
    );
}

#[test]
fn an_output_that_is_not_shown_so_is_found_at_its_command() {
    let wrong = TEXT.replace("Hello\n..", "Hallo\n..");
    let line = 1 + wrong
        .lines()
        .position(|line| line.starts_with("$ cat"))
        .unwrap();
    let expected =
        format!("{PAGE}:{line}: this command does not print what is shown: | Hello |  | World");
    assert_eq!(said(&wrong, &[HELLO], None), [expected]);
}

#[test]
fn a_command_without_output_succeeds_and_warns_of_nothing() {
    for (command, expected) in [
        ("true", None),
        ("false", Some("this command fails: ")),
        (
            "echo warning: unused >&2",
            Some("this command warns: | warning: unused"),
        ),
    ] {
        let text = format!("## 1. A\n```console\n$ {command}\n```\n");
        let expected = expected.map(|what| format!("{PAGE}:3: {what}").trim_end().to_owned());
        let told = said(&text, &[], Some(1));
        let told: Vec<_> = told.iter().map(|told| told.trim_end()).collect();
        assert_eq!(told, expected.iter().collect::<Vec<_>>());
    }
}

#[test]
fn only_the_steps_that_are_asked_for_are_followed() {
    let wrong = TEXT.replace("-World", "-Word");
    assert_eq!(said(&wrong, &[], Some(1)), [""; 0]);
}

#[test]
fn a_block_that_is_not_checked_is_found() {
    let text = "```console\n$ true\n```\n## 1. A\n```rust\nfn a() {}\n```\n## Next\n```diff\n```\n## 3. B\n";
    assert_eq!(
        said(text, &[], Some(1)),
        [
            format!("{PAGE}:1: this block is in no step"),
            format!("{PAGE}:6: nothing is done with this block"),
            format!("{PAGE}:9: this block is in no step"),
            format!("{PAGE}:11: this is step 3"),
        ]
    );
}

#[test]
fn a_server_runs_until_the_next_one_or_the_end_of_its_step() {
    let server = |word: &str| {
        format!(
            "$ trap 'echo {word} >>ended; exit' TERM; echo listening at :5000 -- http; while :; do sleep 0.01; done\n..\nlistening ..:5000 -- http\n"
        )
    };
    let (first, second) = (server("first"), server("second"));
    let text = format!(
        "## 1. A\n```console\n$ cd tutorial\n{first}```\n```console\n{second}$ cat ended\nfirst\n```\n\
         ## 2. B\n```console\n$ cat ended\nfirst\nsecond\n$ echo failed; exit 1 -- http\nlistening\n```\n"
    );
    let line = 1 + text
        .lines()
        .position(|line| line.starts_with("$ echo failed"))
        .unwrap();
    let expected = format!("{PAGE}:{line}: the server is not ready; it has printed: | failed");
    assert_eq!(said(&text, &[], Some(2)), [expected]);
}

#[test]
fn a_folder_with_work_of_a_reader_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("docs")).unwrap();
    fs::write(root.path().join(PAGE), TEXT).unwrap();
    let work = root.path().join("tutorial/library");
    fs::create_dir_all(&work).unwrap();
    let error = tutorial(Path::new(root.path()), None).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is yours: give it another name, and try again")
    );
    assert!(work.exists());
}
