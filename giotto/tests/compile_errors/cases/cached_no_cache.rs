//! A cached function without a cache.
use giotto::cached;

#[cached(seconds = 60)]
async fn square(x: i64) -> i64 {
    x * x
}

fn main() {}
