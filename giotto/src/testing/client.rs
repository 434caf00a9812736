//! A browser for tests: it asks a service in this process, keeps cookies and sends forms.
//!
//! In the place of a server and its clients: every step of a request over HTTP runs, and no socket is opened.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::BodyExt;

use super::address::{path, resolve};
use super::form::{Form, urlencoded};
use super::reply::Reply;
use crate::controller::http::{Body, Service};

/// A browser for tests, over the service of an [`App`](crate::App) in this process. It keeps cookies, fills in forms, and
/// follows redirects when it is told to.
///
/// It takes a service of giotto, a `Router` of axum, or any other with such bodies. Each client is a reader of its own: give
/// two of them clones of one service. What cannot be, such as a form that the page does not have, panics and says what is there.
///
/// ```
/// use giotto::prelude::*;
/// use giotto::testing::Client;
///
/// #[model]
/// fn greet(name: String) -> String {
///     format!("Hello {name}")
/// }
///
/// #[derive(Serialize, Deserialize)]
/// struct Nothing {}
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// let ask = View::new().html(|_: &()| "<form action='/greet'><input name='name'></form>");
/// let manifest = Manifest::new([
///     ("", Program::new(|_: Nothing| ()).view(ask)),
///     ("greet", Program::new(greet).view(BasicView::new().html(|text: &String| escape_html(text).into_owned()))),
/// ]);
/// let mut ada = Client::new(App::new(manifest).into_service()?);
///
/// let page = ada.get("/").await;
/// assert_eq!(page.status(), 200);
/// let reply = ada.submit(&page.form("/greet").set("name", "Ada & Bob")).await;
/// assert_eq!(reply.address(), "/greet?name=Ada%20%26%20Bob");
/// assert_eq!(reply.text(), "Hello Ada &amp; Bob");
/// # Ok::<(), Error>(())
/// # }).map_err(|error| format!("{error:?}"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Client<S = Service> {
    service: S,
    /// By name and path.
    cookies: BTreeMap<(String, String), String>,
    fields: HeaderMap,
}

impl<S> Client<S> {
    /// A reader of `service` without cookies.
    #[must_use]
    pub fn new(service: S) -> Self {
        let mut fields = HeaderMap::new();
        fields.insert(header::HOST, HeaderValue::from_static("localhost"));
        Self {
            service,
            cookies: BTreeMap::new(),
            fields,
        }
    }

    /// The same, which sends the header field `name` with every request: `.field("accept-language", "de")`.
    ///
    /// # Panics
    ///
    /// If it is no field of HTTP.
    #[must_use]
    #[track_caller]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).expect("the name of a field");
        let value = HeaderValue::try_from(value).expect("the value of a field");
        self.fields.insert(name, value);
        self
    }

    /// The value of the cookie `name`, if the client has it.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let mut cookies = self.cookies.iter();
        cookies.find_map(|((own, _), value)| (own == name).then_some(value.as_str()))
    }

    /// Puts the cookie `name` for all paths into the client, or replaces it: what an attacker might do.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies
            .insert((name.to_owned(), "/".to_owned()), value.to_owned());
    }

    /// Does what a `Set-Cookie` says (RFC 6265, 5.3), as a browser does over TLS.
    fn take_cookie(&mut self, address: &str, set: &str) {
        let mut parts = set.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let attributes = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
        let attributes: Vec<_> = attributes.collect();
        let attribute = |name: &str| {
            let mut found = attributes.iter().rev();
            found.find_map(|(own, value)| own.eq_ignore_ascii_case(name).then_some(*value))
        };
        let folder = || {
            path(address)
                .rsplit_once('/')
                .map_or("/", |(folder, _)| folder)
        };
        let of = attribute("path").filter(|path| path.starts_with('/'));
        let key = (name.to_owned(), of.unwrap_or_else(folder).to_owned());
        let life = attribute("max-age").and_then(|age| age.parse::<i64>().ok());
        match life {
            Some(..=0) => self.cookies.remove(&key),
            _ => self.cookies.insert(key, value.to_owned()),
        };
    }

    /// The field `Cookie` of a request to `address`.
    fn cookies_for(&self, address: &str) -> Option<HeaderValue> {
        let path = path(address);
        let is_below = |of: &str| {
            let rest = path.strip_prefix(of);
            rest.is_some_and(|rest| of.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
        };
        let cookies = self.cookies.iter().filter(|((_, of), _)| is_below(of));
        let pairs: Vec<_> = cookies
            .map(|((name, _), value)| format!("{name}={value}"))
            .collect();
        let is_any = !pairs.is_empty();
        is_any.then(|| HeaderValue::try_from(pairs.join("; ")).expect("cookies are text"))
    }
}

impl<S, R> Client<S>
where
    S: tower_service::Service<Request<Body>, Response = Response<R>>,
    S::Error: fmt::Debug,
    R: http_body::Body,
    R::Error: fmt::Debug,
{
    /// GETs `address`: a path with its query, as `url_for` makes it.
    ///
    /// # Panics
    ///
    /// This and the other requests: if the address is none, or if the service fails instead of answering.
    pub async fn get(&mut self, address: &str) -> Reply {
        self.ask(Method::GET, address, None, Bytes::new()).await
    }

    /// POSTs `fields` as a form that no page has shown: an application with sessions refuses it without the field
    /// `csrf_token`. [`submit`](Self::submit) sends a form of a page.
    pub async fn post(&mut self, address: &str, fields: &[(&str, &str)]) -> Reply {
        let form = "application/x-www-form-urlencoded";
        let body = urlencoded(fields.iter().copied());
        self.ask(Method::POST, address, Some(form), body.into())
            .await
    }

    /// Sends a form of a page, as its button does.
    pub async fn submit(&mut self, form: &Form) -> Reply {
        let (address, sent) = form.sent();
        match sent {
            None => self.get(&address).await,
            Some((content_type, body)) => {
                let content_type = Some(content_type.as_str());
                self.ask(Method::POST, &address, content_type, body).await
            }
        }
    }

    /// GETs where a redirect leads.
    ///
    /// # Panics
    ///
    /// If `reply` is none, or leads to another host.
    pub async fn follow(&mut self, reply: &Reply) -> Reply {
        let is_redirect = (300..400).contains(&reply.status());
        let location = reply.field("location").filter(|_| is_redirect);
        let location = location.unwrap_or_else(|| panic!("no redirect: {reply:?}"));
        self.get(&resolve(reply.address(), location)).await
    }

    /// Sends any request, with the cookies and the fields of the client where the request has no field of that name.
    pub async fn send(&mut self, request: Request<impl Into<Bytes>>) -> Reply {
        let mut request = request.map(|body| Body::from(body.into()));
        let address = request.uri().to_string();
        let mut fields = self.fields.clone();
        if let Some(cookies) = self.cookies_for(&address) {
            fields.insert(header::COOKIE, cookies);
        }
        fields.extend(std::mem::take(request.headers_mut()));
        *request.headers_mut() = fields;
        let ready = poll_fn(|context| self.service.poll_ready(context)).await;
        ready.expect("the service is ready");
        let response = self
            .service
            .call(request)
            .await
            .expect("the service answers");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("the body arrives").to_bytes();
        for set in head.headers.get_all(header::SET_COOKIE) {
            self.take_cookie(&address, &String::from_utf8_lossy(set.as_bytes()));
        }
        Reply::new(address, head, body)
    }

    async fn ask(
        &mut self,
        method: Method,
        address: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(address);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request.body(body);
        let request = request.unwrap_or_else(|error| panic!("{address:?} is no address: {error}"));
        self.send(request).await
    }
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cookies = self.cookies.keys().map(|(name, _)| name);
        f.debug_list().entries(cookies).finish()
    }
}
