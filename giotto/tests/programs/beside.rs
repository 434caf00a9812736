//! Programs, axum's routes and static files in one server, for the tests of what is beside a manifest.
//!
//! `cargo test -p giotto --features axum,static` builds it with the examples. The variable LAYERED puts layers around it, and
//! CONFIGURED gives it the configuration before `giotto::run` does.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post, put};
use giotto::prelude::*;
use http_body::Frame;
use http_body_util::BodyExt as _;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tower_http::cors::CorsLayer;

#[derive(Serialize, Deserialize)]
struct X {
    x: i64,
}

fn manifest() -> Manifest {
    Manifest::new([
        (
            "squared",
            Program::new(|X { x }: X| x * x)
                .controllers([HTTP_GET, CMD])
                .cache(3600)
                .view(BasicView::new()),
        ),
        (
            "batch",
            Program::new(|X { x }: X| x)
                .controllers([CMD])
                .view(BasicView::new()),
        ),
    ])
}

/// A body that is sent as it comes.
struct Live(UnboundedReceiver<Frame<Bytes>>);

impl axum::body::HttpBody for Live {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|frame| frame.map(Ok))
    }
}

/// The readers of events.
type Readers = Arc<Mutex<Vec<UnboundedSender<Frame<Bytes>>>>>;

fn live(readers: &Readers) -> Response {
    let (sender, receiver) = unbounded_channel();
    if let Ok(mut readers) = readers.lock() {
        readers.push(sender);
    }
    let events = [(header::CONTENT_TYPE, "text/event-stream")];
    (events, Body::new(Live(receiver))).into_response()
}

/// Sends an event to all readers; `end` is the last one.
fn tell(readers: &Readers, event: &Bytes) {
    if let Ok(mut readers) = readers.lock() {
        for reader in &*readers {
            let _ = reader.send(Frame::data(event.clone()));
        }
        if event == "end" {
            readers.clear();
        }
    }
}

/// How many of them are still there.
fn count_readers(readers: &Readers) -> String {
    let readers = readers.lock().map_or(0, |readers| {
        let open = readers.iter().filter(|reader| !reader.is_closed());
        open.count()
    });
    readers.to_string()
}

fn of_frames(frames: Vec<Frame<Bytes>>) -> Body {
    let (sender, receiver) = unbounded_channel();
    for frame in frames {
        let _ = sender.send(frame);
    }
    Body::new(Live(receiver))
}

fn with_trailers() -> impl IntoResponse {
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", HeaderValue::from_static("12"));
    let frames = vec![Frame::data("body".into()), Frame::trailers(trailers)];
    ([(header::TRAILER, "checksum")], of_frames(frames))
}

/// A body that fails where the other one ends.
struct Chained(Body);

impl axum::body::HttpBody for Chained {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let polled = Pin::new(&mut self.0).poll_frame(context);
        polled.map(|frame| match frame {
            Some(Ok(frame)) => Some(Ok(frame)),
            _ => Some(Err(std::io::Error::other("it breaks"))),
        })
    }
}

/// Never ends, and is never slow.
struct Endless;

impl axum::body::HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'a'; 1 << 14])))))
    }
}

/// Counts the bytes of a body as they arrive.
async fn count(mut body: Body) -> Response {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes += frame.data_ref().map_or(0, Bytes::len),
            Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
        }
    }
    bytes.to_string().into_response()
}

/// Says nothing for longer than a client may be idle.
async fn late() -> Body {
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(async move {
        let _ = sender.send(Frame::data("early ".into()));
        tokio::time::sleep(Duration::from_secs(13)).await;
        let _ = sender.send(Frame::data("late".into()));
    });
    Body::new(Live(receiver))
}

async fn repeat(mut socket: WebSocket) {
    while let Some(Ok(Message::Text(text))) = socket.recv().await {
        let _ = socket.send(Message::Text(text)).await;
    }
}

fn routes() -> Router {
    let readers = Readers::default();
    let (others, open) = (Arc::clone(&readers), Arc::clone(&readers));
    Router::new()
        .route("/health", get(|| async { "healthy\n" }))
        .route("/squared", any(|| async { "of axum" }))
        .route("/batch", get(|| async { "of axum" }))
        .route(
            "/things/{id}",
            put(|| async { "put" }).delete(|| async { "deleted" }),
        )
        .route(
            "/own",
            get(|| async { (StatusCode::NOT_FOUND, "its own words") }),
        )
        .route("/bare", get(|| async { StatusCode::NOT_FOUND }))
        .route("/echo", post(|body: Body| async { body }))
        .route("/count", post(count))
        .route(
            "/taken",
            post(|body: Bytes| async move { body.len().to_string() }),
        )
        .route("/events", get(|| async move { live(&readers) }))
        .route(
            "/event",
            post(|event: Bytes| async move { tell(&others, &event) }),
        )
        .route(
            "/who",
            get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }),
        )
        .route("/readers", get(|| async move { count_readers(&open) }))
        .route("/trailers", get(|| async { with_trailers() }))
        .route(
            "/broken",
            get(|| async { Body::new(Chained(Body::from("begun"))) }),
        )
        .route("/endless", get(|| async { Body::new(Endless) }))
        .route("/late", get(late))
        .route(
            "/socket",
            any(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(repeat) }),
        )
}

fn main() -> ExitCode {
    let app = App::new(manifest()).routes(routes());
    let app = match Path::new("static").exists() {
        true => app.static_files("static"),
        false => app,
    };
    let app = match std::env::var_os("LAYERED") {
        Some(_) => app.layer(CorsLayer::permissive()),
        None => app,
    };
    let app = match std::env::var_os("CONFIGURED") {
        Some(_) => match app.configured() {
            Ok(app) => app,
            Err(_) => return ExitCode::from(99),
        },
        None => app,
    };
    giotto::run(app)
}
