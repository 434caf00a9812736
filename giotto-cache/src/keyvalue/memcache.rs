//! Memcache.

/// A store in Memcache.
#[derive(Debug)]
pub struct MemcacheKeyValue;
