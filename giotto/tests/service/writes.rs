//! Programs that write: the tags that they invalidate.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use giotto::Request;
use giotto::prelude::*;

use crate::X;

/// Shows how often it ran; `write` sends its caller there, or fails, and `torn` has tags that panic.
fn written_and_shown() -> App {
    let runs = Arc::new(AtomicUsize::new(0));
    let show = move |X { .. }: X| runs.fetch_add(1, Ordering::SeqCst).to_string();
    let write = |X { x }: X| -> Result<(), Error> {
        match x {
            0 => Err(Error::other("the disk is full")),
            _ => Err(Redirection::to("/shown?x=1").into()),
        }
    };
    let tags = |args: &X| [format!("x:{}", args.x)];
    let manifest = Manifest::default()
        .with(
            "shown",
            Program::new(show)
                .cache(3600)
                .tags(tags)
                .view(View::new().html(String::clone)),
        )
        .with(
            "write",
            Program::new(write)
                .mock(())
                .invalidates(|_| ["x:1"])
                .view(BasicView::new()),
        )
        .with(
            "torn",
            Program::new(|X { .. }: X| String::new())
                .cache(3600)
                .tags(|args: &X| [args.x.to_string().split_at(99).0.to_owned()])
                .view(View::new().html(String::clone)),
        );
    App::new(manifest).cache(LocMemKeyValue::new())
}

#[tokio::test]
async fn a_program_that_writes_invalidates_pages_if_it_succeeds() {
    let app = written_and_shown();
    let shown = async || {
        let mut request = Request::new(HTTP_GET, "shown").argument("x", "1");
        let page = app.invoke(&mut request).await.unwrap();
        String::from_utf8(page.body().to_vec()).unwrap()
    };
    let write = async |app: &App, x: &'static str| {
        let mut request = Request::new(HTTP_POST, "write").argument("x", x);
        app.invoke(&mut request).await.is_ok()
    };
    assert_eq!((shown().await, shown().await), ("0".into(), "0".into()));
    assert!(!write(&app, "0").await);
    assert_eq!(shown().await, "0", "what failed has changed nothing");
    assert!(write(&app.clone().model_mock(true), "1").await);
    assert_eq!(shown().await, "0", "nor has a mock");
    assert!(!write(&app, "1").await, "a redirection is no page");
    assert_eq!(shown().await, "1");
}

#[tokio::test]
async fn tags_that_panic_fail_their_own_request() {
    let app = written_and_shown();
    let mut request = Request::new(HTTP_GET, "torn").argument("x", "1");
    let error = app.invoke(&mut request).await.unwrap_err();
    assert!(error.to_string().contains("tags panicked"), "{error}");
}
