//! A setting that there is none of.
use giotto::cache::Cache;
use giotto::cached;

#[cached(seconds = 60, ttl = 5)]
async fn square(cache: &Cache, x: i64) -> i64 {
    x * x
}

fn main() {}
