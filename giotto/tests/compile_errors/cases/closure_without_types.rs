//! Middleware without the types of its parameters.
use giotto::prelude::*;

#[model]
fn square(x: i64) -> i64 {
    x * x
}

fn main() -> ExitCode {
    let program = Program::new(square).input_middleware(|_| Ok(())).view(BasicView::new());
    giotto::run(Manifest::new([("squared", program)]))
}
