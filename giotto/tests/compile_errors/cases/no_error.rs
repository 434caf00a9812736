//! A Result whose error is none.
use giotto::prelude::*;

#[derive(Serialize)]
struct Missing;

#[model]
fn read(path: String) -> Result<String, Missing> {
    std::fs::read_to_string(path).map_err(|_| Missing)
}

fn main() -> ExitCode {
    let program = Program::new(read).view(BasicView::new());
    giotto::run(Manifest::new([("read", program)]))
}
