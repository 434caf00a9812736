//! The program that is measured: the one of the original's documentation.

use giotto::prelude::*;

/// Squares a number.
#[model]
fn square(
    /// The number to square.
    x: i64,
) -> Square {
    Square { x: x * x }
}

#[derive(Serialize)]
struct Square {
    x: i64,
}

pub(crate) fn manifest() -> Manifest {
    Manifest::new([(
        "squared",
        Program::new(square)
            .controllers([HTTP_GET, CMD])
            .cache(3600)
            .view(BasicView::new().html(|s: &Square| format!("<p>{}</p>", s.x))),
    )])
}
