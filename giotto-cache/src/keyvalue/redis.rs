//! Redis.

/// A store in Redis.
#[derive(Debug)]
pub struct RedisKeyValue;
