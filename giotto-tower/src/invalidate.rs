//! What an unsafe request makes old: `POST`, `PUT`, `DELETE` and so on (RFC 9111, 4.4).
//!
//! After such a request has succeeded, and before its response leaves: the client's next request must see it.

use giotto_cache::{Cache, Key};
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};

use crate::key;
use crate::rfc;
use crate::settings::Settings;

/// What has to be known of an unsafe request when it has been answered.
#[derive(Debug)]
pub(crate) struct Asked {
    method: Method,
    uri: Uri,
    host: Option<HeaderValue>,
}

impl Asked {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            uri: key::uri(request.uri(), request.extensions()).clone(),
            host: request.headers().get(HOST).cloned(),
        }
    }

    /// Removes what is stored for the URI of the request, and for those that the response names, if it was successful. A store
    /// that fails does not fail the request.
    pub(crate) async fn invalidate(
        self,
        settings: &Settings,
        status: StatusCode,
        fields: &HeaderMap,
    ) {
        let keys = match rfc::invalidates(&self.method, status) {
            true => self.keys(settings, fields),
            false => return,
        };
        let groups = rfc::invalidated_groups(fields);
        let cache = settings.cache.clone();
        // In a task of its own, so that a disconnecting client does not leave it half done.
        let task = tokio::spawn(async move { invalidate(&cache, keys, groups).await });
        // It does not panic, and where the runtime stops there is no cache to be right.
        let _ = task.await;
    }

    /// The primary keys of what is invalidated.
    fn keys(&self, settings: &Settings, fields: &HeaderMap) -> Vec<Key> {
        let host = self.host.as_ref().and_then(|host| host.to_str().ok());
        let targets = rfc::invalidated(&self.uri, host, fields);
        let keys = targets.into_iter().filter_map(|target| {
            let (parts, ()) = self.get(target)?.into_parts();
            key::primary(settings, &parts)
        });
        keys.collect()
    }

    /// The request whose response may be stored.
    fn get(&self, target: PathAndQuery) -> Option<Request<()>> {
        let mut uri = self.uri.clone().into_parts();
        uri.path_and_query = Some(target);
        let mut request = Request::new(());
        *request.uri_mut() = Uri::from_parts(uri).ok()?;
        if let Some(host) = &self.host {
            request.headers_mut().insert(HOST, host.clone());
        }
        Some(request)
    }
}

async fn invalidate(cache: &Cache, keys: Vec<Key>, groups: Vec<String>) {
    for key in keys {
        if let Err(error) = cache.remove(&key).await {
            tracing::warn!(%error, "a response is not invalidated: it may be served until it expires");
        }
    }
    for group in groups {
        if let Err(error) = cache.invalidate(group).await {
            tracing::warn!(%error, "a group of responses is not invalidated in the store yet");
        }
    }
}
