//! Tags after the view.
use giotto::prelude::*;

#[model]
fn square(x: i64) -> i64 {
    x * x
}

fn main() -> ExitCode {
    let program = Program::new(square).cache(60).view(BasicView::new());
    let program = program.tags(|args| [format!("x:{}", args.x)]);
    giotto::run(Manifest::new([("squared", program)]))
}
