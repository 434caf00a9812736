//! The stores that the configuration can open besides the cache of the application.
//!
//! No step of an invocation: an operator copies between them.

use std::fmt;
use std::sync::Arc;

use giotto_cache::Cache;

use crate::error::Result;

/// Opens the store that a text names as the setting `cache` does, in this namespace or in that of the configuration.
type Open = dyn Fn(&str, Option<&str>) -> Result<Cache> + Send + Sync;

/// Opens stores with the namespace and the signing keys of the configuration.
#[derive(Clone)]
pub(crate) struct Stores(Arc<Open>);

impl Stores {
    pub(crate) fn new(
        open: impl Fn(&str, Option<&str>) -> Result<Cache> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(open))
    }

    /// A cache in front of the store that `name` names: `redis://host:6379`, for example.
    pub(crate) fn open(&self, name: &str, namespace: Option<&str>) -> Result<Cache> {
        (self.0)(name, namespace)
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stores")
    }
}
