//! A model whose error is a box that cannot leave its thread.
use giotto::prelude::*;

#[model]
fn read(path: String) -> Result<String, Box<dyn std::error::Error>> {
    Ok(std::fs::read_to_string(path)?)
}

fn main() -> ExitCode {
    let program = Program::new(read).view(BasicView::new());
    giotto::run(Manifest::new([("read", program)]))
}
