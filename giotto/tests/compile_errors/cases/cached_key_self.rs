//! A function that has no self to be in the key.
use giotto::cache::Cache;
use giotto::cached;

#[cached(seconds = 60, key_self)]
async fn user(cache: &Cache, id: u64) -> u64 {
    id
}

fn main() {}
