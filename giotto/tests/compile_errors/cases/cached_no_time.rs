//! A cached function without a time.
use giotto::cache::Cache;
use giotto::cached;

#[cached(negative = 5)]
async fn square(cache: &Cache, x: i64) -> i64 {
    x * x
}

fn main() {}
