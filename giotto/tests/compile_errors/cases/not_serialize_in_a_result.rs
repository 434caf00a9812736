//! A result that does not implement Serialize, in a Result.
use giotto::prelude::*;

struct Square {
    x: i64,
}

#[model]
fn square(x: i64) -> giotto::Result<Square> {
    Ok(Square { x: x * x })
}

fn main() -> ExitCode {
    let program = Program::new(square).view(BasicView::new());
    giotto::run(Manifest::new([("squared", program)]))
}
