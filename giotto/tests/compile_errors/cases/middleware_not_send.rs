//! Async middleware that keeps an Rc across an await.
use std::rc::Rc;

use giotto::prelude::*;

#[model]
fn square(x: i64) -> i64 {
    x * x
}

async fn check(_: &mut Request<'_>) -> giotto::Result<()> {
    let kept = Rc::new(1);
    std::future::ready(()).await;
    drop(kept);
    Ok(())
}

fn main() -> ExitCode {
    let program = Program::new(square).input_middleware(check).view(BasicView::new());
    giotto::run(Manifest::new([("squared", program)]))
}
