//! A method of a type that cannot be cloned for the task that computes.
use giotto::cache::Cache;
use giotto::cached;

struct Users {
    cache: Cache,
}

impl Users {
    #[cached(seconds = 60, cache = self.cache)]
    async fn user(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
