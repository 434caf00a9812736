//! A parameter that the function would change.
use giotto::cache::Cache;
use giotto::cached;

#[cached(seconds = 60)]
async fn push(cache: &Cache, values: &mut Vec<u8>) -> usize {
    values.len()
}

fn main() {}
