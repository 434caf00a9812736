//! A result that is borrowed.
use giotto::cache::Cache;
use giotto::cached;

#[cached(seconds = 60)]
async fn first(cache: &Cache, name: &str) -> &str {
    name
}

fn main() {}
