//! Middleware that returns nothing.
use giotto::prelude::*;

#[model]
fn square(x: i64) -> i64 {
    x * x
}

fn check(request: &mut Request<'_>) {
    request.set("x", "1");
}

fn main() -> ExitCode {
    let program = Program::new(square).input_middleware(check).view(BasicView::new());
    giotto::run(Manifest::new([("squared", program)]))
}
