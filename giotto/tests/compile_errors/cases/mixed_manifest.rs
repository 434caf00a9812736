//! A manifest beside a program.
use giotto::prelude::*;

#[model]
fn square(x: i64) -> i64 {
    x * x
}

fn main() -> ExitCode {
    giotto::run(Manifest::new([
        ("squared", Program::new(square).view(BasicView::new())),
        ("more", Manifest::default()),
    ]))
}
