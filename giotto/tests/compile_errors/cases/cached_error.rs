//! An error that callers cannot share.
use giotto::cache::Cache;
use giotto::cached;

#[cached(seconds = 60)]
async fn user(cache: &Cache, id: u64) -> Result<u64, std::io::Error> {
    Ok(id)
}

fn main() {}
