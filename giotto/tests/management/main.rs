//! The programs under `mgt/`, on the command line and over HTTP.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod contents;
mod explain;
mod middleware;
mod over_http;
mod purge;
#[expect(dead_code, reason = "only some of it is needed here")]
#[path = "../common/server.rs"]
mod server;
mod servers;
mod stats;
#[path = "../common/testbed.rs"]
mod testbed;
mod warm;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use giotto::cache::Cache;
use giotto::prelude::*;
use giotto::{Controller, Request, management_over};
use serde_json::Value;

const SHARED: [&str; 4] = ["--set", "cache=database", "--set", "cache.deadline_ms=5000"];

/// A folder with a database, and commands that are run in it.
struct Desk(tempfile::TempDir);

#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Desk {
    /// With a table: to make it, a slow disk takes longer than others wait for it.
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.says(&["mgt/syncdb"]);
        desk
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs `testbed cmd WORDS..`.
    fn cmd(&self, words: &[&str]) -> Ran {
        self.with(&SHARED, words)
    }

    fn with(&self, settings: &[&str], words: &[&str]) -> Ran {
        let mut command = testbed::command(self.path());
        let output = command.arg("cmd").args(settings).args(words).output();
        let output = output.unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The standard output of a command that succeeds.
    fn says(&self, words: &[&str]) -> String {
        let ran = self.cmd(words);
        assert_eq!(ran.code, Some(0), "{words:?}: {ran:?}");
        ran.stdout
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.says(words)).unwrap()
    }

    /// Refused as wrong usage, in one line that has these `parts` in it.
    fn refuses(&self, words: &[&str], parts: &[&str]) {
        let ran = self.cmd(words);
        assert_eq!(
            (ran.code, &*ran.stdout),
            (Some(2), ""),
            "{words:?}: {ran:?}"
        );
        assert_eq!(ran.stderr.lines().count(), 1, "{words:?}: {ran:?}");
        for part in parts {
            assert!(ran.stderr.contains(part), "{words:?}, {part}: {ran:?}");
        }
    }

    fn is_stored(&self, invocation: &[&str]) -> bool {
        let words = [&["mgt/cache/get"], invocation].concat();
        let ran = self.cmd(&words);
        assert!(matches!(ran.code, Some(0 | 3)), "{words:?}: {ran:?}");
        ran.code == Some(0)
    }

    /// What the next request over HTTP would be told.
    fn next(&self, invocation: &[&str]) -> (String, String) {
        let report = self.json(&[&["mgt/cache/explain.json"], invocation].concat());
        let next = &report["next"][0];
        let text = |name: &str| next[name].as_str().unwrap_or_default().to_owned();
        (text("status"), text("reason"))
    }
}

#[derive(Serialize, Deserialize)]
struct Of {
    tag: String,
}

/// A program whose parameter is called like one of `purge`, with management for all front ends.
fn tagged(cache: Cache) -> (App, Arc<AtomicU64>) {
    let runs = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&runs);
    let model = move |Of { tag }: Of| {
        counter.fetch_add(1, Ordering::SeqCst);
        tag
    };
    let policy = Policy::seconds(60).stale_if_error(600);
    let page = Program::new(model)
        .tags(|of: &Of| [format!("of:{}", of.tag)])
        .cache(policy)
        .view(BasicView::new());
    let everywhere = management_over([HTTP_GET, HTTP_POST, CMD]);
    let manifest = Manifest::new([("page", page)]).with("admin", everywhere);
    (App::new(manifest).with_cache(cache), runs)
}

async fn ask(
    app: &App,
    controller: Controller,
    path: &str,
    data: &[(&'static str, &'static str)],
) -> Result<String, Error> {
    let mut request = Request::new(controller, path);
    for (name, value) in data {
        request = request.argument(name, *value);
    }
    let rendered = app.invoke(&mut request).await?;
    app.shared_cache().settle().await;
    Ok(String::from_utf8(rendered.body().to_vec()).unwrap())
}
