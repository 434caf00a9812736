//! A reader's browser: cookies and forms, and a look at each page that comes.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::oracle::{Fact, Written};
use super::scene::Scene;
use crate::load::{self, field};

/// A request that is not answered within this time has failed.
const PATIENCE: Duration = Duration::from_secs(30);

const PASSWORD: &str = "a password of some length";

pub(super) struct Browser {
    scene: Scene,
    /// What only this reader may be shown.
    secret: String,
    cookies: BTreeMap<String, String>,
}

/// An answer.
pub(super) struct Page {
    pub(super) process: usize,
    pub(super) begun: Instant,
    pub(super) body: String,
    status: u16,
    head: String,
}

/// How the names of readers begin, which no one else may be shown; what follows is a number and `q`.
const SECRET: &str = "reader";

/// The name of a reader.
pub(super) fn secret(reader: u32) -> String {
    format!("{SECRET}{reader}q")
}

impl Page {
    pub(super) const fn is_ok(&self) -> bool {
        self.status == 200
    }

    /// Where a form that was accepted leads to.
    pub(super) const fn is_redirection(&self) -> bool {
        self.status == 303
    }

    fn is_hit(&self) -> bool {
        field(&self.head, "cache-status").is_some_and(|status| status.contains("; hit"))
    }

    /// The token of its form.
    fn token(&self) -> Option<&str> {
        let (_, rest) = self.body.split_once("name=\"csrf_token\" value=\"")?;
        Some(rest.split_once('"')?.0)
    }
}

impl Browser {
    pub(super) fn new(scene: Scene, secret: String) -> Self {
        Self {
            scene,
            secret,
            cookies: BTreeMap::new(),
        }
    }

    /// Becomes a reader. Nothing is killed before all have.
    pub(super) async fn joins(&mut self, process: usize, name: &str) {
        let fields = [("name", name), ("password", PASSWORD)];
        self.fills(process, "/join", &fields).await;
    }

    /// A page for everybody or for this reader, from one process; nothing if it was not there. It must show what is known of
    /// each of `facts`.
    pub(super) async fn reads(
        &mut self,
        process: usize,
        path: &str,
        facts: &[Fact],
    ) -> Option<Page> {
        let known: Vec<_> = facts
            .iter()
            .map(|fact| (*fact, self.scene.oracle.now(*fact)))
            .collect();
        let page = self.sends(process, "GET", path, None).await?;
        if !page.is_ok() {
            self.fails(&page, path);
            return None;
        }
        for (fact, written) in known {
            if let Some(written) = written {
                self.compares(&page, path, fact, written);
            }
        }
        Some(page)
    }

    fn compares(&self, page: &Page, path: &str, fact: Fact, written: Written) {
        let shown = fact.shown(&page.body);
        if shown < written.number {
            let what = format!(
                "{path} shows {fact:?} {shown}, written was {}",
                written.number
            );
            self.is_old(page, written, &what);
        }
    }

    /// `page` shows less than was `written`.
    pub(super) fn is_old(&self, page: &Page, written: Written, what: &str) {
        let is_elsewhere = page.process != written.process;
        match is_elsewhere && self.scene.site.may_not_know(written.at, page.begun) {
            true => drop(self.scene.tally.pending.fetch_add(1, Ordering::Relaxed)),
            false => {
                let status = field(&page.head, "cache-status").unwrap_or_default();
                let ago = page.begun.duration_since(written.at).as_millis();
                self.scene.tally.old(format!(
                    "{what} in process {} {ago} ms before; process {}: {status}",
                    written.process, page.process
                ));
            }
        }
    }

    /// Fills in the form at `path` and sends it; nothing if that is unknown because the process was killed.
    pub(super) async fn fills(
        &mut self,
        process: usize,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Option<Page> {
        let form = self.reads(process, path, &[]).await?;
        let Some(token) = form.token() else {
            self.scene
                .tally
                .failed(format!("{path} has no form: {}", form.body));
            return None;
        };
        let token = [("csrf_token", token)];
        let fields = token.iter().chain(fields);
        let encoded = fields.map(|(name, value)| format!("{name}={}", encoded(value)));
        let body = encoded.collect::<Vec<_>>().join("&");
        let page = self.sends(process, "POST", path, Some(body)).await?;
        self.scene.tally.writes.fetch_add(1, Ordering::Relaxed);
        if !page.is_redirection() {
            self.fails(&page, path);
            return None;
        }
        Some(page)
    }

    fn fails(&self, page: &Page, path: &str) {
        let (_, text) = page.body.split_once("<main").unwrap_or(("", &page.body));
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text: String = text.chars().take(300).collect();
        let what = format!("{path} of process {}: {} {text}", page.process, page.status);
        self.scene.tally.failed(what);
    }

    async fn sends(
        &mut self,
        process: usize,
        method: &str,
        path: &str,
        form: Option<String>,
    ) -> Option<Page> {
        let begun = Instant::now();
        let asked = self.ask(process, method, path, form.as_deref().unwrap_or_default());
        let answer = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
        };
        let (head, body) = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let what = format!("{method} {path} of process {process}: {error}");
                self.notes_no_answer(process, begun, what).await;
                return None;
            }
        };
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let page = Page {
            process,
            begun,
            body,
            status: status.unwrap_or(0),
            head,
        };
        let tally = &self.scene.tally;
        tally.pages.fetch_add(1, Ordering::Relaxed);
        tally
            .hits
            .fetch_add(u64::from(page.is_hit()), Ordering::Relaxed);
        self.looks_for_others(&page, path);
        self.keeps_cookies(&page.head);
        Some(page)
    }

    /// There is no answer, which is well if the process was killed.
    async fn notes_no_answer(&self, process: usize, begun: Instant, what: String) {
        match self.scene.site.was_away(process, begun) {
            false => self.scene.tally.failed(what),
            true => {
                self.scene.tally.cut.fetch_add(1, Ordering::Relaxed);
                // As long as a reader needs to try again.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    /// What is another reader's must not be in it.
    fn looks_for_others(&self, page: &Page, path: &str) {
        let text = [&*page.head, &*page.body].join("\n");
        for found in text.split(SECRET).skip(1) {
            let number = found.split_once('q').map(|(number, _)| number);
            let number = number.and_then(|number| number.parse::<u32>().ok());
            if number.is_some_and(|number| secret(number) != self.secret) {
                let what = format!("{path} shows reader {number:?} to {:?}", self.secret);
                self.scene.tally.leaked(what);
            }
        }
    }

    fn keeps_cookies(&mut self, head: &str) {
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let cookies = fields.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        for (_, cookie) in cookies {
            let cookie = cookie.split(';').next().unwrap_or_default();
            if let Some((name, value)) = cookie.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    async fn ask(
        &self,
        process: usize,
        method: &str,
        path: &str,
        body: &str,
    ) -> io::Result<(String, String)> {
        let port = self.scene.site.port(process);
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/html,*/*;q=0.8\r\nCookie: {cookies}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let (head, body) = load::receive(&mut stream).await?;
        Ok((head, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// `text` as a form sends it.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
