//! `cargo run -- http`, then <http://127.0.0.1:5000/squared?x=12>; or `cargo run -- cmd squared x=12`.

use giotto::prelude::*;

/// Squares a number.
#[model]
fn square(
    /// The number to square.
    x: i32,
) -> Square {
    Square {
        x,
        square: i64::from(x) * i64::from(x),
    }
}

#[derive(Serialize)]
struct Square {
    x: i32,
    square: i64,
}

fn manifest() -> Manifest {
    let squared = Program::new(square)
        .cache(3600) // one hour
        .view(BasicView::new().html(|s: &Square| format!("<p>{}² = {}</p>", s.x, s.square)));
    Manifest::new([("squared", squared)])
}

fn main() -> ExitCode {
    giotto::run(manifest())
}
