//! Programs without a view, for two controllers.
use giotto::prelude::*;

#[model]
fn square(x: i64) -> i64 {
    x * x
}

fn main() -> ExitCode {
    let get = Program::new(square).controllers([HTTP_GET]);
    let post = Program::new(square).controllers([HTTP_POST]);
    giotto::run(Manifest::default().with("squared", [get, post]))
}
