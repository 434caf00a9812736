//! The origin that the client of a request has asked: `https://example.org`.
//!
//! Middleware asks for it before step 3 of an invocation.

use super::Request;
use crate::site::parse_origin;

impl Request<'_> {
    /// The origin that the client has asked: a scheme and a host in lower case, such as `https://example.org`.
    ///
    /// With the setting `http.origin`, it is that one. Otherwise it is what a proxy of `http.trusted_proxies` says in
    /// `X-Forwarded-Proto` and `X-Forwarded-Host` (or in `Forwarded`, as `http.client_field` says), and else `http://` with the
    /// field `Host`. It is `None` if these name no host. The page depends on these fields then, as with
    /// [`header`](Self::header).
    ///
    /// A client can send any `Host`. So a stored page has the origin only as an argument, which is part of its key, and
    /// middleware refuses hosts that it does not know:
    ///
    /// ```
    /// use giotto::{Error, HTTP_GET, Request};
    ///
    /// fn of_shop(request: &mut Request<'_>) -> Result<(), Error> {
    ///     let shop = match request.origin().as_deref() {
    ///         Some("http://north.example") => "north",
    ///         Some("http://south.example") => "south",
    ///         _ => return Err(Error::not_found("there is no such shop")),
    ///     };
    ///     request.set("shop", shop);
    ///     Ok(())
    /// }
    ///
    /// let mut fields = http::HeaderMap::new();
    /// fields.insert("host", http::HeaderValue::from_static("north.example"));
    /// let mut request = Request::new(HTTP_GET, "prices").metadata(&fields);
    /// assert!(of_shop(&mut request).is_ok());
    /// ```
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        if let Some(own) = &self.asked.own {
            return Some(own.to_string());
        }
        let values = |name: &str| {
            let fields = self.metadata.read(name);
            fields.map_or_else(Vec::new, |fields| fields.get_all(name))
        };
        let told = self.asked.by.map(|proxies| proxies.asked(values));
        let told = told.unwrap_or_default();
        let scheme = told.scheme.unwrap_or("http");
        let host = match told.host {
            Some(host) => host,
            None => self.header("host")?,
        };
        parse_origin(&format!("{scheme}://{host}")).ok()
    }
}
