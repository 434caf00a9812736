//! A type of the application as a parameter, which is not made from a state.
use giotto::prelude::*;

struct Db;

#[model]
fn square(x: i64, #[state] _db: Db) -> i64 {
    x * x
}

fn main() -> ExitCode {
    let program = Program::new(square).view(BasicView::new());
    giotto::run(Manifest::new([("squared", program)]))
}
