//! A hard timeout of a function that has no error.
use giotto::cache::Cache;
use giotto::cached;

#[cached(seconds = 60, hard_timeout = 5)]
async fn user(cache: &Cache, id: u64) -> u64 {
    id
}

fn main() {}
