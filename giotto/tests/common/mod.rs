//! The manifest that the tests ask: every kind of entry, model, view and failure once.
//!
//! Shared by the tests in this process and by `programs/testbed.rs`, which serves it in another.

mod lab;
mod models;

use std::sync::Arc;

use giotto::prelude::*;

use self::lab::Lab;
use self::models::*;

/// The programs whose models may fail: a client sees 4xx or 5xx of them.
fn failing() -> Manifest {
    Manifest::new([
        (
            "secret",
            Program::new(secret).cache(3600).view(BasicView::new()),
        ),
        (
            "fails",
            Program::new(fails).cache(3600).view(BasicView::new()),
        ),
        ("hostile", Program::new(hostile).view(BasicView::new())),
        ("quotes", Program::new(quotes).view(BasicView::new())),
        (
            "panics",
            Program::new(panics).cache(3600).view(BasicView::new()),
        ),
        (
            "elsewhere",
            Program::new(elsewhere).cache(3600).view(BasicView::new()),
        ),
    ])
}

fn blog() -> Manifest {
    let archived = || Program::new(post).cache(3600).view(BasicView::new());
    Manifest::new([
        (
            "",
            Program::new(|_: Nothing| "The blog").view(BasicView::new()),
        ),
        (
            "post",
            Program::new(post).cache(3600).view(BasicView::new()),
        ),
    ])
    .with("archive", Manifest::new([("post", archived())]))
}

#[derive(Serialize, Deserialize)]
struct Nothing {}

/// Everything.
pub(crate) fn manifest() -> Manifest {
    let over = [HTTP_GET, CMD];
    Manifest::new([
        (
            "",
            Program::new(|_: Nothing| "Welcome").view(BasicView::new()),
        ),
        (
            "squared",
            Program::new(square)
                .controllers(over)
                .cache(3600)
                .view(BasicView::new().html(|s: &Square| format!("<p>{}</p>", s.x))),
        ),
        (
            "multiply",
            Program::new(multiply)
                .controllers(over)
                .mock(Product {
                    x: 2,
                    y: 3,
                    product: 6,
                })
                .cache(3600)
                .view(product_view()),
        ),
        (
            "echo",
            Program::new(echo).cache(3600).view(BasicView::new()),
        ),
        ("sum", Program::new(sum).cache(3600).view(BasicView::new())),
        (
            "paint",
            Program::new(paint).cache(3600).view(BasicView::new()),
        ),
        (
            "greet",
            Program::new(greet).cache(60).view(BasicView::new()),
        ),
        (
            "speak",
            Program::new(speak).cache(60).view(BasicView::new()),
        ),
        ("odd", Program::new(odd).view(BasicView::new())),
        (
            "number",
            Program::new(number).cache(60).view(BasicView::new()),
        ),
        (
            "search",
            Program::new(search).cache(60).view(BasicView::new()),
        ),
        (
            "forever",
            Program::new(square).cache(0).view(BasicView::new()),
        ),
        ("nocache", Program::new(square).view(BasicView::new())),
        (
            "stamp",
            Program::new(stamp).cache(3600).view(BasicView::new()),
        ),
        ("kept", Program::new(stamp).cache(0).view(BasicView::new())),
        (
            "large",
            Program::new(large).cache(3600).view(BasicView::new()),
        ),
        (
            "empty",
            Program::new(nothing)
                .cache(60)
                .view(View::new().html(|(): &()| "")),
        ),
        (
            "batch",
            Program::new(nothing)
                .controllers([CMD])
                .view(View::new().cmd(|(): &()| "done")),
        ),
        (
            "submit",
            Program::new(square)
                .controllers([HTTP_POST])
                .cache(60)
                .view(BasicView::new()),
        ),
        (
            "page",
            Program::new(square)
                .controllers([HTTP_GET])
                .view(BasicView::new()),
        ),
        (
            "whoami",
            Program::new(whoami)
                .cache(60)
                .input_middleware(sign_in)
                .view(BasicView::new()),
        ),
    ])
    .with(
        "subscribe",
        [
            Program::new(form)
                .controllers([HTTP_GET])
                .cache(60)
                .view(BasicView::new()),
            Program::new(subscribe)
                .controllers([HTTP_POST, CMD])
                .view(BasicView::new()),
        ],
    )
    .with("blog", blog())
    .with("old", "blog/post")
    .with("older", "old")
    .with("failing", failing())
    .with("lab", Arc::<Lab>::default().manifest())
}
