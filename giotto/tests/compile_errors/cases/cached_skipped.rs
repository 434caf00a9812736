//! A parameter that cannot be cloned for the task that computes.
use giotto::cache::Cache;
use giotto::cached;

struct Pool;

#[cached(seconds = 60)]
async fn user(cache: &Cache, #[skip] pool: &Pool, id: u64) -> u64 {
    id
}

fn main() {}
