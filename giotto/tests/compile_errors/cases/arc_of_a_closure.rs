//! What all requests share as a parameter of a closure.
use std::sync::Arc;

use giotto::prelude::*;

struct Db;

#[derive(Serialize, Deserialize)]
struct X {
    x: i64,
}

fn main() -> ExitCode {
    let model = |X { x }: X, _: Arc<Db>| x;
    giotto::run(Manifest::new([("squared", Program::new(model).view(BasicView::new()))]))
}
