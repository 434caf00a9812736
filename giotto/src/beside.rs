//! What an application has beside its manifest: static files, axum's routes and tower's layers.
//!
//! Taken before the first request. `controller/http/` asks it for what the manifest does not know.

#[cfg(feature = "axum")]
use std::fmt;
#[cfg(feature = "axum")]
use std::sync::Arc;

#[cfg(feature = "static")]
use crate::assets::Assets;
use crate::error::Result;
use crate::manifest::Manifest;

/// What an application has beside its manifest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    #[cfg(feature = "static")]
    pub(crate) assets: Option<Assets>,
    #[cfg(feature = "axum")]
    pub(crate) routes: Option<axum::Router>,
    #[cfg(feature = "axum")]
    pub(crate) layers: Layers,
}

impl Beside {
    /// Whether it answers requests.
    #[cfg(any(feature = "axum", feature = "static"))]
    pub(crate) fn answers(&self) -> bool {
        #[cfg(feature = "static")]
        if self.assets.is_some() {
            return true;
        }
        #[cfg(feature = "axum")]
        if self.routes.is_some() {
            return true;
        }
        false
    }

    /// Refuses what is in the way of a program of `manifest`.
    #[cfg_attr(
        not(feature = "static"),
        expect(
            unused_variables,
            clippy::unused_self,
            reason = "routes are in no program's way"
        )
    )]
    pub(crate) fn check(&self, manifest: &Manifest) -> Result<()> {
        #[cfg(feature = "static")]
        if let Some(assets) = &self.assets {
            assets.check(|name| manifest.has(name))?;
        }
        Ok(())
    }
}

/// Layers of tower, each as what puts it around a router. The last one is the outermost.
#[cfg(feature = "axum")]
#[derive(Clone, Default)]
pub(crate) struct Layers(Vec<Arc<Layer>>);

#[cfg(feature = "axum")]
type Layer = dyn Fn(axum::Router) -> axum::Router + Send + Sync;

#[cfg(feature = "axum")]
impl Layers {
    pub(crate) fn push(
        &mut self,
        layer: impl Fn(axum::Router) -> axum::Router + Send + Sync + 'static,
    ) {
        self.0.push(Arc::new(layer));
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `router` inside them.
    pub(crate) fn around(&self, router: axum::Router) -> axum::Router {
        self.0.iter().fold(router, |inside, layer| layer(inside))
    }
}

#[cfg(feature = "axum")]
impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} layers", self.0.len())
    }
}
