//! A box that cannot leave its thread, with `?`.
use giotto::prelude::*;

fn open(path: &str) -> Result<String, Box<dyn std::error::Error>> {
    Ok(std::fs::read_to_string(path)?)
}

#[model]
fn read(path: String) -> giotto::Result<String> {
    Ok(open(&path)?)
}

fn main() -> ExitCode {
    let program = Program::new(read).view(BasicView::new());
    giotto::run(Manifest::new([("read", program)]))
}
