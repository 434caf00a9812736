//! Mistakes in an application that the compiler finds: the first two lines of its error name the remedy.
//!
//! Each file in `cases/` is the `main.rs` of an application. Beside it, `.stderr` has the first two lines of the first error. The
//! rest differs between versions of the compiler. With `GIOTTO_BLESS` set, the files are written.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// The cases whose error is written by the compiler alone. It points at the entry, and the documentation names the remedy.
const MISMATCHED: [&str; 2] = ["mixed_manifest", "mixed_stages"];

#[test]
fn the_first_two_lines_of_an_error_name_the_remedy() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_errors/cases");
    let found = first_lines(&application(&cases));
    let mut wrong = Vec::new();
    for case in names(&cases) {
        let lines = found.get(&case).map_or("no error\n", String::as_str);
        let expected = cases.join(&case).with_extension("stderr");
        if env::var_os("GIOTTO_BLESS").is_some() {
            fs::write(&expected, lines).unwrap();
        }
        let expected = fs::read_to_string(expected).unwrap_or_default();
        if lines != expected {
            wrong.push(format!("{case}\n  expected\n{expected}\n  found\n{lines}"));
        }
        let is_generic = lines.contains("mismatched types") || lines.contains("trait bound");
        assert_eq!(is_generic, MISMATCHED.contains(&&*case), "{case}: {lines}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An application with a binary for each case.
fn application(cases: &Path) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compile_errors");
    let giotto = Path::new(env!("CARGO_MANIFEST_DIR"));
    let binaries = folder.join("src/bin");
    let _ = fs::remove_dir_all(folder.join("src"));
    fs::create_dir_all(&binaries).unwrap();
    for case in names(cases) {
        let file = case + ".rs";
        fs::copy(cases.join(&file), binaries.join(&file)).unwrap();
    }
    let manifest = format!(
        "[package]\nname = \"mistakes\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         giotto = {{ path = {giotto:?}, features = [\"functions\"] }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::copy(giotto.join("../Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    folder
}

/// The first two lines of the first error in each binary of the application in `folder`.
fn first_lines(folder: &Path) -> BTreeMap<String, String> {
    let checked = Command::new(env::var_os("CARGO").unwrap())
        .args([
            "check",
            "--offline",
            "--quiet",
            "--bins",
            "--keep-going",
            "--message-format=json",
        ])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output()
        .unwrap();
    let mut found = BTreeMap::new();
    for line in String::from_utf8(checked.stdout).unwrap().lines() {
        let Ok(told) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let (target, message) = (&told["target"], &told["message"]);
        let (Some(name), Some(rendered)) = (target["name"].as_str(), message["rendered"].as_str())
        else {
            continue;
        };
        if message["level"] == "error" {
            let lines = rendered
                .lines()
                .take(2)
                .map(|line| format!("{}\n", line.trim()));
            found
                .entry(name.to_owned())
                .or_insert_with(|| lines.collect::<String>());
        }
    }
    assert!(
        !found.is_empty(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    found
}

fn names(cases: &Path) -> Vec<String> {
    let files = fs::read_dir(cases)
        .unwrap()
        .map(|file| file.unwrap().path());
    let sources = files.filter(|path| path.extension() == Some(OsStr::new("rs")));
    let mut names: Vec<_> = sources
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}
