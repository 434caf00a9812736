//! Negative errors of a function that has none.
use giotto::cache::Cache;
use giotto::cached;

#[cached(seconds = 60, negative_errors = |_| true)]
async fn user(cache: &Cache, id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
