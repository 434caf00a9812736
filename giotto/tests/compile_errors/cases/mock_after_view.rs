//! A mock after the view.
use giotto::prelude::*;

#[model]
fn square(x: i64) -> i64 {
    x * x
}

fn main() -> ExitCode {
    let program = Program::new(square).view(BasicView::new()).mock(9);
    giotto::run(Manifest::new([("squared", program)]))
}
