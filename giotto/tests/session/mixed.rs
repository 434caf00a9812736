//! Ten thousand requests of two signed-in readers and an anonymous one: no byte of one reader's page reaches another.

use giotto::Service;

use crate::library::number;
use crate::{Browser, COOKIE, service, sessions};

const REQUESTS: usize = 10_000;

/// The names and numbers of readers, which only their own pages have.
fn secrets(user: &str) -> [String; 2] {
    [user.to_owned(), number(user).to_string()]
}

/// Asks for so many pages in an order of its own, and looks at each of them.
async fn read(
    service: Service,
    user: Option<&'static str>,
    others: Vec<String>,
    requests: usize,
) -> usize {
    let mut reader = Browser::new(&service);
    if let Some(user) = user {
        reader.sign_in(user).await;
    }
    let (mut hits, mut books) = (0, 0);
    for step in 0..requests {
        let (mut sent, kind) = ("", step * 7 % 11);
        let reply = match kind {
            0 | 5 => reader.get("/account").await,
            1 | 6 => reader.get("/greeting").await,
            2 => reader.get("/greeting.json").await,
            3 => reader.get("/whoami.json").await,
            4 => reader.ask("HEAD", "/greeting", &[], "").await,
            7 => {
                sent = "grace-hopper";
                reader.get("/greeting/grace-hopper").await
            }
            8 => {
                sent = "alan-turing";
                reader.get("/greeting?user=alan-turing").await
            }
            9 if books < 20 => {
                books += 1;
                reader.post("/put", &format!("book={step}")).await
            }
            9 => reader.get("/form").await,
            _ => reader.get("/public").await,
        };
        let is_hit = reply.fields.get("cache-status");
        hits +=
            usize::from(is_hit.is_some_and(|status| status.as_bytes().starts_with(b"giotto; hit")));
        let head = format!("{:?}", reply.fields);
        // What a reader has sent may be in an error.
        for secret in others.iter().filter(|secret| *secret != sent) {
            assert!(
                !reply.body.contains(secret) && !head.contains(secret),
                "{secret} in {reply:?}"
            );
        }
        match (kind, user) {
            (0 | 5, Some(user)) => assert!(reply.body.contains(&secrets(user)[1]), "{reply:?}"),
            (0 | 5, None) => assert_eq!(reply.status, 302, "{reply:?}"),
            (1 | 2 | 6, Some(user)) => assert!(reply.body.contains(&secrets(user)[1]), "{reply:?}"),
            (1 | 2 | 6, None) => assert_eq!(reply.body, "hello reader"),
            (3, Some(user)) => assert!(
                reply.body.starts_with(&format!("[\"{user}\",")),
                "{reply:?}"
            ),
            (3, None) => assert!(reply.body.starts_with("[null,"), "{reply:?}"),
            _ => {}
        }
        // A proxy that keeps what it may keep has nothing of a reader.
        let may_be_shared = !["no-store", "private"]
            .iter()
            .any(|word| reply.cache_control.contains(word));
        assert!(
            !may_be_shared || reply.body == "the same for all",
            "{reply:?}"
        );
    }
    if user.is_some() {
        assert!(reader.cookies.contains_key(COOKIE));
    }
    hits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_byte_of_one_readers_page_reaches_another() {
    let service = service(sessions());
    let users = [Some("grace-hopper"), Some("alan-turing"), None];
    let readers = users.map(|user| {
        let others = users
            .into_iter()
            .flatten()
            .filter(|other| Some(*other) != user);
        let others = others.flat_map(secrets).collect();
        tokio::spawn(read(
            service.clone(),
            user,
            others,
            REQUESTS / users.len() + 1,
        ))
    });
    let mut hits = 0;
    for reader in readers {
        hits += reader.await.unwrap();
    }
    assert!(hits > REQUESTS / 3, "{hits} hits");
}
