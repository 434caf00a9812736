//! The projects that `giotto new` makes: formatted, without warnings, tested, and started.
//!
//! They are compiled with the lock file of the workspace, into its target folder.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use test_servers::{HttpServer, wait_until};

/// A project in a folder of its own.
struct Project {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Project {
    fn new(words: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let giotto = Command::new(env!("CARGO_BIN_EXE_giotto"))
            .current_dir(folder.path())
            .arg("new")
            .args(words)
            .output()
            .unwrap();
        assert!(giotto.status.success(), "{giotto:?}");
        let path = folder.path().join(words[0]);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        fs::copy(root.join("Cargo.lock"), path.join("Cargo.lock")).unwrap();
        Self {
            path,
            _folder: folder,
        }
    }

    fn cargo(&self, words: &[&str]) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_giotto"));
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .current_dir(&self.path)
            .env("CARGO_TARGET_DIR", program.ancestors().nth(2).unwrap())
            // The sockets of its servers.
            .env("TMPDIR", &self.path)
            .args(words);
        cargo
    }

    /// What `cargo WORDS..` prints, which must succeed.
    fn succeeds(&self, words: &[&str]) -> String {
        let output = self.cargo(words).output().unwrap();
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success(), "cargo {words:?}: {stdout}{stderr}");
        stdout
    }

    fn serve(&self) -> Site {
        self.succeeds(&["build"]);
        Site(HttpServer::start(
            &mut self.cargo(&["run", "--quiet", "--", "http", "--port", "0"]),
        ))
    }
}

struct Site(HttpServer);

impl Site {
    /// The head and the body of the reply.
    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.0.address()).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\naccept: text/html\r\ncontent-type: \
             application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    fn get(&self, path: &str) -> String {
        self.ask("GET", path, "")
    }

    /// Waits until a page is stored.
    fn hits(&self, path: &str) {
        wait_until(&format!("{path} is a hit"), || {
            let page = self.get(path);
            assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
            page.contains("giotto; hit")
        });
    }
}

#[test]
fn a_project_runs_and_tests() {
    let project = Project::new(&["my-shop"]);
    project.succeeds(&["fmt", "--check"]);
    project.succeeds(&["clippy", "--all-targets", "--", "-D", "warnings"]);
    let tests = project.succeeds(&["test"]);
    assert!(tests.contains("test result: ok. 2 passed"), "{tests}");

    let site = project.serve();
    site.hits("/");
    let note = site.ask("POST", "/note", "text=Hello%2C+%3Ceverybody%3E&author=Ada");
    assert!(note.starts_with("HTTP/1.1 303 "), "{note}");
    let board = site.get("/");
    assert!(board.contains("Hello, &lt;everybody&gt;"), "{board}");
    let refused = site.ask("POST", "/note", "text=&author=");
    assert!(
        refused.starts_with("HTTP/1.1 400 ") && refused.contains("a note says something"),
        "{refused}"
    );
    site.hits("/");
    site.hits("/note");

    let (_, style) = board.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let style = site.get(style.split_once('"').unwrap().0);
    assert!(
        style.contains("immutable") && style.contains("color-scheme"),
        "{style}"
    );
    let unknown = site.get("/nothing");
    assert!(
        unknown.starts_with("HTTP/1.1 404 ") && unknown.contains("All notes"),
        "{unknown}"
    );

    // The command line shares the notes and the cache.
    project.succeeds(&[
        "run",
        "--",
        "cmd",
        "note",
        "text=from a terminal",
        "author=Bob",
    ]);
    let board = site.get("/");
    assert!(board.contains("from a terminal"), "{board}");
    let listed = project.succeeds(&["run", "--", "cmd", "/"]);
    assert!(
        listed.contains("from a terminal") && listed.contains("Ada"),
        "{listed}"
    );
}

#[test]
fn a_minimal_project_runs() {
    let project = Project::new(&["tiny", "--minimal"]);
    project.succeeds(&["fmt", "--check"]);
    project.succeeds(&["clippy", "--all-targets", "--", "-D", "warnings"]);
    let site = project.serve();
    site.hits("/squared?x=12");
    assert!(site.get("/squared?x=12").contains("<p>12² = 144</p>"));
    let squared = project.succeeds(&["run", "--", "cmd", "squared", "x=-12"]);
    assert!(squared.contains("144"), "{squared}");
}
