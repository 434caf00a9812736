//! A parameter with a reference inside.
use giotto::cache::Cache;
use giotto::cached;

#[cached(seconds = 60)]
async fn greet(cache: &Cache, name: Option<&str>) -> String {
    name.unwrap_or("nobody").to_owned()
}

fn main() {}
