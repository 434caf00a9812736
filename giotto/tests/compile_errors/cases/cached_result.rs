//! A result that cannot be stored.
use giotto::cache::Cache;
use giotto::cached;

#[derive(Clone)]
struct User;

#[cached(seconds = 60)]
async fn user(cache: &Cache, id: u64) -> Result<User, std::fmt::Error> {
    Ok(User)
}

fn main() {}
