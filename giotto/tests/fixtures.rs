//! Runs every `fixtures/*.txt`: requests in all their forms, a line `---`, and the one reply to all of them.
//!
//! Lines before the first request that begin with `#` say what the fixture is about. Above `---` stand the
//! requests, separated by blank lines:
//!
//! - `GET /squared?x=12`, then its header fields; after a line `>` its body, on one line;
//! - `$ squared x=12`, words for the command line, which are split at spaces.
//!
//! Below stand `200, exit 0` (either may be left out, if there is no such request), then header fields that an
//! HTTP reply must have (an empty value: must not have), a blank line, and the body: what HTTP sends and
//! standard output shows; of an error, what HTTP sends as plain text and standard error shows after
//! `error: `.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod common;
#[path = "common/testbed.rs"]
mod testbed;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use giotto::prelude::*;
use giotto::{Body, Service};
use http_body_util::{BodyExt, Full};
use tower_service::Service as _;

#[derive(Debug, Default)]
struct Fixture {
    web: Vec<http::Request<Full<Bytes>>>,
    commands: Vec<Vec<String>>,
    status: Option<u16>,
    exit: Option<i32>,
    fields: Vec<(String, String)>,
    body: String,
}

impl Fixture {
    fn parse(text: &str) -> Self {
        let (requests, reply) = text.split_once("\n---\n").expect("a line ---");
        let mut fixture = Self::default();
        let is_comment = |line: &&str| line.starts_with('#') || line.is_empty();
        let requests: Vec<_> = requests.lines().skip_while(is_comment).collect();
        for request in requests
            .split(|line| line.is_empty())
            .filter(|lines| !lines.is_empty())
        {
            match request[0].strip_prefix("$ ") {
                None => fixture.web.push(web_request(request)),
                Some(_) => fixture.commands.extend(request.iter().map(|line| {
                    let words = line
                        .strip_prefix("$ ")
                        .expect("only commands in this block");
                    words.split(' ').map(str::to_owned).collect()
                })),
            }
        }
        let (head, body) = reply.split_once("\n\n").unwrap_or((reply, ""));
        body.clone_into(&mut fixture.body);
        let mut head = head.lines();
        for outcome in head.next().expect("a status or an exit code").split(", ") {
            match outcome.strip_prefix("exit ") {
                Some(code) => fixture.exit = Some(code.parse().unwrap()),
                None => fixture.status = Some(outcome.parse().unwrap()),
            }
        }
        let field = |line: &str| {
            let (name, value) = line.split_once(':').expect("a header field");
            (name.to_owned(), value.trim().to_owned())
        };
        fixture.fields = head.map(field).collect();
        assert_eq!(
            fixture.status.is_some(),
            !fixture.web.is_empty(),
            "a status for HTTP requests"
        );
        assert_eq!(
            fixture.exit.is_some(),
            !fixture.commands.is_empty(),
            "an exit code for commands"
        );
        fixture
    }

    async fn check_web(&self, service: &mut Service, problems: &mut String) {
        for request in &self.web {
            let shown = format!("{} {}", request.method(), request.uri());
            let reply: http::Response<Body> = service.call(request.clone()).await.unwrap();
            let (head, body) = reply.into_parts();
            let body = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
            let expected = (self.status.unwrap(), &self.body);
            if (head.status.as_u16(), &body) != expected {
                let _ = writeln!(
                    problems,
                    "{shown}: {} {body:?}, expected {expected:?}",
                    head.status
                );
            }
            for (name, value) in &self.fields {
                let given = head
                    .headers
                    .get(name)
                    .map_or("", |value| value.to_str().unwrap());
                if given != value {
                    let _ = writeln!(problems, "{shown}: {name}: {given}, expected {value}");
                }
            }
        }
    }

    fn check_commands(&self, folder: &Path, problems: &mut String) {
        for words in &self.commands {
            let output = testbed::command(folder)
                .arg("cmd")
                .args(words)
                .output()
                .unwrap();
            let (stdout, stderr) = (
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr),
            );
            let told = match output.status.code() {
                Some(0) => stdout,
                _ => stderr
                    .strip_prefix("error: ")
                    .unwrap_or(&stderr)
                    .to_owned()
                    .into(),
            };
            if (output.status.code(), &*told) != (self.exit, &*self.body) {
                let _ = writeln!(
                    problems,
                    "$ {}: {:?} {told:?}, expected {:?} {:?}",
                    words.join(" "),
                    output.status.code(),
                    self.exit,
                    self.body
                );
            }
        }
    }
}

fn web_request(lines: &[&str]) -> http::Request<Full<Bytes>> {
    let (method, target) = lines[0].split_once(' ').expect("a method and a target");
    let mut request = http::Request::builder().method(method).uri(target);
    let mut body = "";
    let mut rest = lines[1..].iter();
    while let Some(line) = rest.next() {
        if *line == ">" {
            body = rest.next().expect("a body");
        } else {
            let (name, value) = line.split_once(':').expect("a header field");
            request = request.header(name, value.trim());
        }
    }
    request
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap()
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|it| it == "txt"))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn every_fixture_is_answered_as_it_says() {
    let app = App::new(common::manifest()).cache(LocMemKeyValue::new());
    let mut service = app.into_service().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut problems = String::new();
    let files = fixtures();
    assert!(files.len() > 20, "the fixtures are not where they were");
    for file in files {
        let fixture = Fixture::parse(&std::fs::read_to_string(&file).unwrap());
        let mut found = String::new();
        // Twice: a page from the cache is the page that was computed.
        fixture.check_web(&mut service, &mut found).await;
        fixture.check_web(&mut service, &mut found).await;
        fixture.check_commands(folder.path(), &mut found);
        if !found.is_empty() {
            let _ = writeln!(problems, "{}:\n{found}", file.display());
        }
    }
    assert!(problems.is_empty(), "{problems}");
}
