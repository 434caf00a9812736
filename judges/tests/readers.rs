//! Two readers who are signed in and one who is not, at the same time, in front of two processes with one Redis: no byte of
//! one reader's page reaches another.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use test_servers::{HttpServer, Redis};

use crate::common::{Client, Reply, start};

const REQUESTS: usize = 10_000;
/// Each is a connection of its own.
const CLIENTS_OF_EACH: usize = 4;
const KEY: &str = "session.key=0123456789abcdef0123456789abcdef";

/// A reader, and what only that reader may see.
struct Reader {
    name: &'static str,
    cookies: BTreeMap<String, String>,
    /// Texts that are in the pages of this reader alone.
    own: Vec<String>,
}

impl Reader {
    fn anonymous() -> Self {
        Self {
            name: "nobody",
            cookies: BTreeMap::new(),
            own: Vec::new(),
        }
    }

    fn signed_in(name: &'static str, server: &HttpServer) -> Self {
        let mut client = Client::of(server);
        let form = format!("name={name}&password=a+good+password+of+{name}");
        assert_eq!(client.post("/join", &form).status, 303);
        let account = client.get("/loans").text();
        let (_, card) = account.split_once("id=\"card\">").unwrap();
        let card = card.split_once('<').unwrap().0.to_owned();
        assert_eq!(card.len(), 32, "{account}");
        Self {
            name,
            cookies: client.cookies,
            own: vec![card, format!("Reader {name}")],
        }
    }
}

/// A small generator of numbers, so that a failure can be repeated.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

const PAGES: [&str; 17] = [
    "/",
    "/books",
    "/books?page=2",
    "/books.json",
    "/book/1",
    "/book/2",
    "/book/9999",
    "/loans",
    "/loans.json",
    "/loans.txt",
    "/sign-out",
    "/review/1",
    "/nothing/here",
    "/loans?reader=ada",
    "/loans?reader=bob",
    "/loans/ada",
    "/loans.json?reader=bob",
];
const FIELDS: [&str; 8] = [
    "",
    "",
    "Accept: text/html\r\n",
    "Accept: application/json;q=0.9, text/html;q=0.8\r\n",
    "Accept: image/png\r\n",
    "Accept-Encoding: gzip\r\n",
    "Cache-Control: no-cache\r\n",
    "Range: bytes=0-40\r\n",
];

/// What all clients have seen.
#[derive(Default)]
struct Seen {
    done: AtomicUsize,
    hits: AtomicUsize,
    own: AtomicUsize,
    /// The entity tags of all pages, which a client may have from anywhere.
    etags: Mutex<BTreeSet<String>>,
}

/// One request by chance; what was asked, and the reply.
fn act(client: &mut Client, numbers: &mut Numbers, seen: &Seen) -> (String, Reply) {
    let page = numbers.one_of(&PAGES);
    match numbers.below(12) {
        0 => {
            let page = format!(
                "/{}/{}",
                numbers.one_of(&["borrow", "give-back"]),
                1 + numbers.below(12)
            );
            let reply = send(client, &page, "");
            (page, reply)
        }
        1 => {
            let form = numbers.one_of(&["stars=9&text=", "stars=4&text=fine"]);
            ("/review/1".to_owned(), send(client, "/review/1", form))
        }
        2 => ("HEAD".to_owned(), client.ask("HEAD", page, "", None)),
        3 => {
            let etags = seen.etags.lock().unwrap();
            let place = numbers.below(etags.len().max(1));
            let etag = etags.iter().nth(place).cloned().unwrap_or_default();
            drop(etags);
            let fields = format!("If-None-Match: {etag}\r\n");
            (
                format!("{page} {fields}"),
                client.ask("GET", page, &fields, None),
            )
        }
        _ => {
            let fields = numbers.one_of(&FIELDS);
            (
                format!("{page} {fields}"),
                client.ask("GET", page, fields, None),
            )
        }
    }
}

/// Sends the form of a page. Who is not signed in has none there.
fn send(client: &mut Client, page: &str, form: &str) -> Reply {
    let reply = client.get(page);
    match reply.token() {
        Some(token) => client.post_bare(page, &format!("{form}&csrf_token={token}")),
        None => reply,
    }
}

fn read(reader: &Reader, others: &[&Reader], addresses: [SocketAddr; 2], seed: usize, seen: &Seen) {
    let mut numbers = Numbers(seed as u64);
    let mut clients = addresses.map(|address| Client::with(address, reader.cookies.clone()));
    while seen.done.fetch_add(1, Ordering::Relaxed) < REQUESTS {
        let client = &mut clients[numbers.below(2)];
        let (asked, reply) = act(client, &mut numbers, seen);
        let everything = reply.everything();
        for other in others {
            for secret in &other.own {
                assert!(
                    !everything.contains(secret),
                    "{} asked for {asked:?} and got what is {}'s: {everything}",
                    reader.name,
                    other.name
                );
            }
        }
        assert!(reply.status < 500, "{asked}: {everything}");
        let status = reply.field("cache-status").unwrap_or_default();
        let is_hit = status.starts_with("giotto; hit");
        seen.hits.fetch_add(usize::from(is_hit), Ordering::Relaxed);
        let is_own = reader.own.iter().any(|own| everything.contains(own));
        seen.own.fetch_add(usize::from(is_own), Ordering::Relaxed);
        // A session is sent on private responses only.
        if reply.field("set-cookie").is_some() {
            let control = reply.field("cache-control").unwrap_or_default();
            assert!(
                control.contains("no-store") || control.contains("private"),
                "{asked}: {everything}"
            );
        }
        if let Some(etag) = reply.field("etag") {
            seen.etags.lock().unwrap().insert(etag.to_owned());
        }
    }
    // Whatever cookies the replies have set, they are this reader's.
    for client in &mut clients {
        let account = client.get("/loans").everything();
        assert!(
            reader.own.iter().all(|own| account.contains(own)),
            "{}: {account}",
            reader.name
        );
    }
}

#[test]
fn no_byte_of_one_readers_page_reaches_another() {
    let (redis, folder) = (Redis::start(), tempfile::tempdir().unwrap());
    let layers = format!(
        r#"cache={{layers = ["locmem", "redis://127.0.0.1:{}"]}}"#,
        redis.port()
    );
    let settings = [KEY, &layers, "cache.deadline_ms=30000"];
    let servers = [(); 2].map(|()| start(folder.path(), &settings));
    let addresses = servers.each_ref().map(HttpServer::address);
    let [ada, bob] = ["ada", "bob"].map(|name| Reader::signed_in(name, &servers[0]));
    let nobody = Reader::anonymous();
    let seen = Seen::default();
    std::thread::scope(|scope| {
        for seed in 0..CLIENTS_OF_EACH {
            for (place, (reader, others)) in [
                (&ada, [&bob, &bob]),
                (&bob, [&ada, &ada]),
                (&nobody, [&ada, &bob]),
            ]
            .into_iter()
            .enumerate()
            {
                let seen = &seen;
                scope.spawn(move || read(reader, &others, addresses, seed * 3 + place + 1, seen));
            }
        }
    });
    let [hits, own] = [&seen.hits, &seen.own].map(|count| count.load(Ordering::Relaxed));
    // Otherwise nothing was shown.
    assert!(hits > REQUESTS / 10, "{hits} hits");
    assert!(own > REQUESTS / 20, "{own} pages of the readers");
}
