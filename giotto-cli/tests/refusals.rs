//! What `giotto new` refuses, and that it leaves nothing behind then.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

fn giotto(folder: &Path, words: &[&str]) -> Output {
    let mut giotto = Command::new(env!("CARGO_BIN_EXE_giotto"));
    giotto.current_dir(folder).args(words).output().unwrap()
}

/// Refused in one line with `text`, and `folder` has nothing but `left`.
fn is_refused(output: &Output, text: &str, folder: &Path, left: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        output.stdout.is_empty() && stderr.lines().count() == 1,
        "{stderr}"
    );
    assert!(
        stderr.starts_with("error: ") && stderr.contains(text),
        "{text}: {stderr}"
    );
    assert_eq!(names(folder), left);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("empty")).unwrap();
    fs::write(folder.join("file"), "mine").unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("link")).unwrap();
    let left = ["empty", "file", "link"];
    for name in left {
        let refused = giotto(folder, &["new", name]);
        is_refused(
            &refused,
            "exists already: name another folder",
            folder,
            &left,
        );
    }
    assert_eq!(fs::read_to_string(folder.join("file")).unwrap(), "mine");
}

#[test]
fn a_bad_name_and_a_missing_place_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (words, text) in [
        (&["new", "test"][..], "take another, such as my-test"),
        (&["new", "1shop"], "begin with a letter"),
        (&["new", "none/shop"], "make the folder first"),
        (
            &["new", "shop", "--giotto", "/nowhere"],
            "giotto/Cargo.toml",
        ),
    ] {
        is_refused(&giotto(folder, words), text, folder, &[]);
    }
    let usage = giotto(folder, &["new"]);
    assert_eq!(usage.status.code(), Some(2));
}

/// As a full disk does: no file can get longer than some bytes.
#[test]
fn what_cannot_be_written_whole_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let line = format!(
        "trap '' XFSZ; ulimit -f 1; exec {} new shop",
        env!("CARGO_BIN_EXE_giotto")
    );
    let mut shell = Command::new("sh");
    let refused = shell.current_dir(folder).args(["-c", &line]).output();
    is_refused(&refused.unwrap(), "nothing of it is left", folder, &[]);
}

#[test]
fn a_folder_without_rights_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::set_permissions(folder, Permissions::from_mode(0o555)).unwrap();
    let probe = folder.join("probe");
    match fs::create_dir(&probe) {
        // Root may write everywhere, except into a file system of the kernel.
        Ok(()) => {
            let refused = giotto(Path::new("/proc"), &["new", "shop"]);
            let stderr = String::from_utf8_lossy(&refused.stderr);
            assert!(stderr.contains("shop could not be written"), "{stderr}");
        }
        Err(_) => {
            let refused = giotto(folder, &["new", "shop"]);
            is_refused(&refused, "Name a folder that you may write to", folder, &[]);
        }
    }
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_project_has_the_rights_of_any_new_folder_and_a_workspace_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("usual")).unwrap();
    let mode = |name: &str| folder.join(name).metadata().unwrap().permissions().mode();
    for words in [&["new", "my-shop"][..], &["new", "--minimal", "tiny"]] {
        let made = giotto(folder, words);
        assert!(made.status.success(), "{made:?}");
        assert_eq!(made.stderr, b"");
    }
    assert_eq!(names(folder), ["my-shop", "tiny", "usual"]);
    assert_eq!(
        names(&folder.join("tiny")),
        ["Cargo.toml", "giotto.toml", "src"]
    );
    assert_eq!(mode("my-shop"), mode("usual"));
    let manifest = |path: &str| fs::read_to_string(folder.join(path).join("Cargo.toml")).unwrap();
    assert!(!manifest("my-shop").contains("[workspace]"));
    let inside = giotto(folder, &["new", "my-shop/inside"]);
    assert!(inside.status.success(), "{inside:?}");
    assert!(manifest("my-shop/inside").ends_with("\n[workspace]\n"));
}
