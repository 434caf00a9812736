//! An application below a path of its host (`http.base`): the base of a request is taken off its path, and local addresses in
//! the fields of the response get it.
//!
//! Around the first and the last step of an invocation over HTTP, outside of layers. Everything inside sees paths without it.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Response, StatusCode, Uri};

use super::failure;
use super::health;
use super::mount::Service;
use super::output::Body;
use super::problem::Problem;
use super::sent::{keep, shown_path};
use crate::app::App;
use crate::site::Site;

/// The fields whose value is an address.
const ADDRESSES: [HeaderName; 2] = [header::LOCATION, header::CONTENT_LOCATION];

impl Service {
    /// Answers one request. Every failure is a response, too.
    pub(crate) async fn answer<B>(&self, head: &mut Parts, body: B) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
    {
        // Boxed, so that the future of a plain hit stays small.
        match self.has_base() {
            true => Box::pin(self.answer_below_base(head, body)).await,
            false => self.answer_inside(head, body).await,
        }
    }

    /// Answers one request to an application with a base.
    async fn answer_below_base<B>(&self, head: &mut Parts, body: B) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
    {
        let app = self.app();
        let mut response = match enter(app.site(), head) {
            Ok(()) => self.answer_inside(head, body).await,
            // A supervisor asks the process itself, and not the proxy.
            Err(Outside) => match health::public(app, head) {
                Some(health) => return health,
                None => outside(self, head),
            },
        };
        place(app.site(), response.headers_mut());
        response
    }
}

/// The path of a request is not below the base.
struct Outside;

/// Takes the base off the path of `head`. Targets that are no paths stay as they are: `*` is one of OPTIONS, and others are
/// refused later.
fn enter(site: &Site, head: &mut Parts) -> Result<(), Outside> {
    let path = head.uri.path();
    if !path.starts_with('/') {
        return Ok(());
    }
    let below = site.below(path).ok_or(Outside)?;
    if below.len() == path.len() {
        return Ok(());
    }
    let target = match head.uri.query() {
        None => below.to_owned(),
        Some(query) => [below, "?", query].concat(),
    };
    let target = PathAndQuery::try_from(target).map_err(|_| Outside)?;
    let mut parts = head.uri.clone().into_parts();
    parts.path_and_query = Some(target);
    let inside = Uri::from_parts(parts).map_err(|_| Outside)?;
    let sent = std::mem::replace(&mut head.uri, inside);
    keep(sent, head);
    Ok(())
}

/// The response to a request that is not below the base.
fn outside(service: &Service, head: &Parts) -> Response<Body> {
    let app = service.app();
    tell(app);
    let base = app.site().base();
    let message = format!(
        "there is nothing at {}: this application is at {base}/",
        shown_path(head)
    );
    let problem = Problem::new(StatusCode::NOT_FOUND, message);
    failure::response(problem, head, app, service.shows_errors())
}

/// Logs the remedy.
fn tell(app: &App) {
    let base = app.site().base().to_owned();
    app.log().tell("outside of http.base", move |repeated| {
        tracing::warn!(
            base,
            repeated,
            "request outside of http.base: have the proxy pass the path as the client has sent it, or set \
             http.proxy_strips_base = true if it removes the base"
        );
    });
}

/// Puts the base before local addresses in `fields`.
fn place(site: &Site, fields: &mut HeaderMap) {
    for name in ADDRESSES {
        let placed = fields.get(&name).and_then(|value| {
            let address = value.to_str().ok()?;
            let local = site.local(address);
            (local != address).then(|| HeaderValue::try_from(&*local).ok())?
        });
        if let Some(placed) = placed {
            fields.insert(name, placed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::http::sent::sent_path;

    fn site() -> Site {
        Site::default().with_base("/library").unwrap()
    }

    fn entered(target: &str) -> Option<String> {
        let (mut head, ()) = http::Request::builder()
            .uri(target)
            .body(())
            .unwrap()
            .into_parts();
        enter(&site(), &mut head).ok()?;
        if sent_path(&head) != head.uri.path() {
            assert!(sent_path(&head).contains("brary"), "{target}");
        }
        Some(head.uri.to_string())
    }

    #[test]
    fn a_target_keeps_all_but_the_base() {
        for (target, inside) in [
            ("/library", Some("/")),
            ("/library?", Some("/?")),
            ("/library?a=/library", Some("/?a=/library")),
            ("/library/a%2Fb?c=%20&d", Some("/a%2Fb?c=%20&d")),
            ("/library//evil.com?x", Some("//evil.com?x")),
            ("http://a.org/library/b?c", Some("http://a.org/b?c")),
            ("http://a.org/library", Some("http://a.org/")),
            ("http://a.org/", None),
            ("http://a.org", None),
            ("*", Some("*")),
            ("/library?", Some("/?")),
            ("/libraryx", None),
            ("/", None),
        ] {
            assert_eq!(entered(target).as_deref(), inside, "{target}");
        }
        assert!(entered("a.org:80").is_some());
    }

    #[test]
    fn fields_with_addresses_get_the_base_once() {
        let mut fields = HeaderMap::new();
        let values = ["/book/7", "/library/book/7", "https://a.org/", "//a.org"];
        for (given, placed) in values.into_iter().zip([
            "/library/book/7",
            "/library/book/7",
            "https://a.org/",
            "//a.org",
        ]) {
            for name in ADDRESSES {
                fields.insert(&name, HeaderValue::from_static(given));
                place(&site(), &mut fields);
                assert_eq!(fields[&name], placed, "{given}");
            }
        }
        let bytes = HeaderValue::from_bytes(b"/\xff").unwrap();
        fields.insert(header::LOCATION, bytes.clone());
        place(&site(), &mut fields);
        assert_eq!(fields[header::LOCATION], bytes);
    }
}
