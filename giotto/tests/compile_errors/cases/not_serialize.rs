//! A result that does not implement Serialize.
use giotto::prelude::*;

struct Square {
    x: i64,
}

#[model]
fn square(x: i64) -> Square {
    Square { x: x * x }
}

fn main() -> ExitCode {
    let view = BasicView::new().text(|square: &Square| square.x.to_string());
    giotto::run(Manifest::new([("squared", Program::new(square).view(view))]))
}
