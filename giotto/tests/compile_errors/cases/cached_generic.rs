//! A cached function with a type parameter.
use giotto::cache::Cache;
use giotto::cached;

#[cached(seconds = 60)]
async fn same<T: serde::Serialize>(cache: &Cache, value: T) -> T {
    value
}

fn main() {}
