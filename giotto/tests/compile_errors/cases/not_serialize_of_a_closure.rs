//! A closure whose result does not implement Serialize.
use giotto::prelude::*;

#[derive(Serialize, Deserialize)]
struct X {
    x: i64,
}

struct Square {
    x: i64,
}

fn main() -> ExitCode {
    let model = |X { x }: X| Square { x: x * x };
    let view = View::new().text(|square: &Square| square.x.to_string());
    giotto::run(Manifest::new([("squared", Program::new(model).view(view))]))
}
