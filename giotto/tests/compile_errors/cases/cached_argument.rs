//! A parameter that cannot be in a key.
use giotto::cache::Cache;
use giotto::cached;

#[derive(Clone)]
struct Pool;

#[cached(seconds = 60)]
async fn user(cache: &Cache, pool: &Pool, id: u64) -> u64 {
    id
}

fn main() {}
