//! A program with a view beside one without.
use giotto::prelude::*;

#[model]
fn square(x: i64) -> i64 {
    x * x
}

fn main() -> ExitCode {
    giotto::run(Manifest::new([
        ("squared", Program::new(square).view(BasicView::new())),
        ("cached", Program::new(square).cache(60)),
    ]))
}
