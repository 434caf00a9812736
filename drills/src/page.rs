//! The program under test: a page that takes a while to compute and depends on its argument alone.
//!
//! What a request of the load is answered with, and how anybody can tell whether the answer is right.

use std::time::Duration;

use giotto::prelude::*;

/// What a page takes to compute.
pub(crate) const COMPUTING: Duration = Duration::from_millis(20);

const LENGTH: usize = 1024;

#[derive(Serialize, Deserialize)]
struct Wanted {
    x: u64,
}

pub(crate) fn program() -> Program {
    let compute = |Wanted { x }: Wanted| async move {
        tokio::time::sleep(COMPUTING).await;
        body(x)
    };
    Program::new(compute)
        .controllers([HTTP_GET])
        .cache(3600)
        .view(View::new().html(String::clone))
}

/// The page of `x`: its digits, and noise that no other page has.
pub(crate) fn body(x: u64) -> String {
    let mut noise = x.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut body = format!("{x} ");
    while body.len() < LENGTH {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        body.push_str(&format!("{noise:016x}"));
    }
    body.truncate(LENGTH);
    body
}
