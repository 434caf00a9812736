//! A cached function that is not async.
use giotto::cache::Cache;
use giotto::cached;

#[cached(seconds = 60)]
fn square(cache: &Cache, x: i64) -> i64 {
    x * x
}

fn main() {}
