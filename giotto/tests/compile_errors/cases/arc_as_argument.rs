//! What all requests share as an argument.
use std::sync::Arc;

use giotto::prelude::*;

struct Db;

#[model]
async fn square(x: i64, db: Arc<Db>) -> i64 {
    let _ = db;
    x * x
}

fn main() -> ExitCode {
    let program = Program::new(square).view(BasicView::new());
    giotto::run(Manifest::new([("squared", program)]))
}
