//! Bodies: passed on while they are stored, and never held beyond what an entry may have.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::BodyExt;
use tokio::sync::mpsc;

use crate::world::{Seen, World, get, read, until};

const CHUNK: usize = 64 << 10;
const FILM: usize = 100 << 20;

/// A body whose chunks count for as long as anything holds them.
struct Film {
    left: usize,
    held: Arc<Held>,
}

#[derive(Default)]
struct Held {
    now: AtomicUsize,
    most: AtomicUsize,
}

struct Chunk(Vec<u8>, Arc<Held>);

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.1.now.fetch_sub(self.0.len(), Ordering::SeqCst);
    }
}

impl http_body::Body for Film {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= CHUNK;
        let held = self.held.now.fetch_add(CHUNK, Ordering::SeqCst) + CHUNK;
        self.held.most.fetch_max(held, Ordering::SeqCst);
        let chunk = Chunk(vec![b'x'; CHUNK], Arc::clone(&self.held));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(chunk)))))
    }
}

/// A body that is sent by hand. Dropping the sender fails it.
struct ByHand(mpsc::UnboundedReceiver<Part>);

enum Part {
    Frame(Frame<Bytes>),
    End,
}

impl http_body::Body for ByHand {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.0.poll_recv(context).map(|part| match part {
            Some(Part::Frame(frame)) => Some(Ok(frame)),
            Some(Part::End) => None,
            None => Some(Err(axum::Error::new("the source failed"))),
        })
    }
}

fn stored(body: Body) -> Response {
    let mut response = Response::new(body);
    let value = HeaderValue::from_static("max-age=60");
    response.headers_mut().insert("cache-control", value);
    response
}

fn data(text: &'static str) -> Part {
    Part::Frame(Frame::data(Bytes::from_static(text.as_bytes())))
}

/// A world whose handler answers once with a body by hand, and then with its number.
fn world() -> (World, mpsc::UnboundedSender<Part>) {
    let world = World::new();
    let (sender, receiver) = mpsc::unbounded_channel();
    let body = std::sync::Mutex::new(Some(ByHand(receiver)));
    world
        .origin
        .says(move |_, number| match body.lock().unwrap().take() {
            Some(body) => stored(Body::new(body)),
            None => stored(Body::from(number.to_string())),
        });
    (world, sender)
}

/// The next bytes of a body; `None` at its end.
async fn next(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    let frame = body.frame().await?;
    Some(frame.map(|frame| frame.into_data().unwrap()))
}

#[tokio::test]
async fn the_caller_gets_the_head_and_each_frame_as_it_arrives() {
    let (world, sender) = world();
    let mut body = world.head(get("/", &[])).await.into_body();
    for text in ["one", "two"] {
        sender.send(data(text)).ok().unwrap();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), text);
    }
    sender.send(Part::End).ok().unwrap();
    assert!(next(&mut body).await.is_none());
    world.cache.settle().await;
    let hit = world.get("/").await;
    assert!(hit.is_hit());
    assert_eq!(hit.text(), "onetwo");
}

#[tokio::test]
async fn a_film_of_100_mib_is_passed_through_in_constant_memory() {
    for has_length in [true, false] {
        let (world, held) = (World::new(), Arc::<Held>::default());
        let film = Arc::clone(&held);
        world.origin.says(move |_, _| {
            let held = Arc::clone(&film);
            let mut response = stored(Body::new(Film { left: FILM, held }));
            if has_length {
                let length = HeaderValue::from(FILM);
                response.headers_mut().insert("content-length", length);
            }
            response
        });
        for number in 1..=2 {
            let mut body = world.head(get("/", &[])).await.into_body();
            let mut length = 0;
            while let Some(bytes) = next(&mut body).await {
                length += bytes.unwrap().len();
            }
            assert_eq!(length, FILM);
            assert_eq!(world.origin.calls(), number, "it is not stored");
            let most = held.most.load(Ordering::SeqCst);
            // What an entry may have, and the chunk that is too much.
            assert!(most <= world.cache.max_entry() + 2 * CHUNK, "{most}");
            assert!(!has_length || most <= CHUNK, "{most}");
        }
        assert_eq!(held.now.load(Ordering::SeqCst), 0);
    }
}

/// A caller that reads nothing holds what an entry may have, not the film.
#[tokio::test]
async fn a_slow_caller_of_a_film_holds_little() {
    let (world, held) = (World::new(), Arc::<Held>::default());
    let film = Arc::clone(&held);
    world.origin.says(move |_, _| {
        let held = Arc::clone(&film);
        stored(Body::new(Film { left: FILM, held }))
    });
    let response = world.head(get("/", &[])).await;
    world.cache.settle().await;
    let now = held.now.load(Ordering::SeqCst);
    assert!(now <= world.cache.max_entry() + 2 * CHUNK, "{now}");
    drop(response);
    assert_eq!(held.now.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_body_that_fails_is_not_stored_and_its_caller_sees_the_failure() {
    let (world, sender) = world();
    let mut body = world.head(get("/", &[])).await.into_body();
    let waiting = world.spawn(3, |_| get("/", &[]));
    until("they wait", || world.cache.counts().collapsed == 3).await;
    sender.send(data("one")).ok().unwrap();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "one");
    drop(sender);
    let error = next(&mut body).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("the source failed"), "{error}");
    let mut texts: Vec<_> = waiting.join_all().await;
    texts.sort_by(|one, other| one.body.cmp(&other.body));
    assert_eq!(
        texts.iter().map(Seen::text).collect::<Vec<_>>(),
        ["2", "3", "4"]
    );
    world.cache.settle().await;
    assert_eq!(world.get("/").await.text(), "5");
}

#[tokio::test]
async fn a_body_that_is_shorter_than_its_length_is_not_stored() {
    let world = World::new();
    world.origin.says(|_, number| {
        let (sender, receiver) = mpsc::unbounded_channel();
        sender.send(data("short")).ok().unwrap();
        sender.send(Part::End).ok().unwrap();
        let mut response = stored(Body::new(ByHand(receiver)));
        let length = HeaderValue::from(if number == 1 { 50 } else { 5 });
        response.headers_mut().insert("content-length", length);
        response
    });
    let mut body = world.head(get("/", &[])).await.into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "short");
    let error = next(&mut body).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("5 of 50 bytes"), "{error}");
    world.cache.settle().await;
    assert!(!world.get("/").await.is_hit());
    assert!(world.get("/").await.is_hit());
}

#[tokio::test]
async fn trailers_are_passed_on_and_the_response_is_not_stored() {
    let (world, sender) = world();
    sender.send(data("one")).ok().unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    sender
        .send(Part::Frame(Frame::trailers(trailers.clone())))
        .ok()
        .unwrap();
    sender.send(Part::End).ok().unwrap();
    let response = world.head(get("/", &[])).await;
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&trailers));
    assert_eq!(collected.to_bytes(), "one");
    world.cache.settle().await;
    assert_eq!(world.get("/").await.text(), "2");
}

/// Callers do not wait for a body for ever, such as one that never ends.
#[tokio::test(start_paused = true)]
async fn a_body_that_takes_too_long_is_left_to_its_caller() {
    let (world, sender) = world();
    let mut body = world.head(get("/", &[])).await.into_body();
    let waiting = world.spawn(1, |_| get("/", &[]));
    let seen = waiting.join_all().await;
    assert_eq!(seen[0].text(), "2");
    sender.send(data("late")).ok().unwrap();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "late");
    sender.send(Part::End).ok().unwrap();
    assert!(next(&mut body).await.is_none());
}

#[tokio::test]
async fn an_empty_body_is_stored_as_well() {
    let world = World::new();
    world.origin.says(|_, _| stored(Body::empty()));
    assert_eq!(read(world.head(get("/", &[])).await).await.text(), "");
    world.cache.settle().await;
    assert!(world.get("/").await.is_hit());
}
