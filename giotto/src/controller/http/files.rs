//! A static file as a response: `ServeDir` of tower-http with the rules for its addresses.
//!
//! The last step of a request over HTTP that no program answers. `ServeDir` gets the path of a file that `assets/` has found,
//! never the one that a client sent.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Empty;
use percent_encoding::percent_decode_str;
use tokio::task::spawn_blocking;
use tower_http::services::ServeDir;
use tower_http::services::fs::ServeFileSystemResponseBody;
use tower_service::Service as _;

use super::conditional::failed;
use super::output::{Body, Outcome, allow};
use super::problem::Problem;
use super::watch::PIECE;
use crate::app::App;
use crate::assets::{Asset, Assets};
use crate::error::{Error, ErrorKind};

const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// What of a request `ServeDir` reads. It knows no `If-Range`.
const READ: [HeaderName; 6] = [
    header::ACCEPT_ENCODING,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
];

impl App {
    /// Serves the files of a folder under `/static/`, or where [`Assets::prefix`] says (feature `static`).
    ///
    /// ```no_run
    /// use giotto::prelude::*;
    /// # let manifest = Manifest::default();
    ///
    /// let app = App::new(manifest).static_files("static");
    /// ```
    ///
    /// - `/static/app.css` is sent with `Cache-Control: no-cache`. The address with the fingerprint, which [`Assets::url`]
    ///   returns, is sent with `max-age=31536000, immutable`. An address with the fingerprint of an earlier file gets the
    ///   present one, so that pages which were stored before look right.
    /// - If `app.css.br`, `app.css.zst` or `app.css.gz` is beside the file, clients that accept the coding get it.
    /// - `favicon.ico` and `robots.txt` answer at the root, too.
    /// - Views get the [`Assets`] as a [`State`](crate::State).
    ///
    /// The application does not start if the folder cannot be read, or if the manifest has a program at one of the addresses.
    #[must_use]
    pub fn static_files(mut self, files: impl Into<Assets>) -> Self {
        let mut assets = files.into();
        assets.set_base(self.site().base());
        self.beside.assets = Some(assets.clone());
        self.state(assets)
    }
}

/// The response with the file under `name`, which stands as in the address; `None` if there is no such file.
pub(super) async fn answer(
    assets: &Assets,
    name: &str,
    head: &Parts,
) -> Option<Result<Response<Body>, Problem>> {
    let name = decoded(name)?;
    let requested = {
        let assets = assets.clone();
        spawn_blocking(move || assets.requested(&name)).await
    };
    let (asset, is_current) = requested.ok()??;
    let root = assets.root()?;
    let address = asset.address(root)?;
    let mut folder = ServeDir::new(root)
        .append_index_html_on_directories(false)
        .ignore_multi_range_requests(true)
        .precompressed_br()
        .precompressed_gzip()
        .precompressed_zstd()
        .with_buf_chunk_size(PIECE);
    let method = match head.method {
        Method::GET | Method::HEAD => head.method.clone(),
        _ => return Some(other_method(&head.method)),
    };
    let mut fields = read(&head.headers);
    if !may_be_part(&mut folder, &method, &address, &head.headers).await {
        fields.remove(header::RANGE);
    }
    let response = ask(&mut folder, method, &address, fields).await?;
    let is_immutable = is_current && is_unchanged(assets, asset).await;
    finished(response, is_immutable).transpose()
}

/// The name that stands encoded in an address. No encoded byte of it separates segments.
fn decoded(name: &str) -> Option<String> {
    let segments = name.split('/').map(|segment| {
        let segment = percent_decode_str(segment).decode_utf8().ok()?;
        (!segment.contains('/')).then_some(segment)
    });
    Some(segments.collect::<Option<Vec<_>>>()?.join("/"))
}

fn other_method(method: &Method) -> Result<Response<Body>, Problem> {
    let allowed = vec!["GET", "HEAD"];
    if *method == Method::OPTIONS {
        return Ok(Outcome::Options(allow(&allowed)).into_response(&mut HeaderMap::new()));
    }
    let message = format!("{method} is not allowed for a static file");
    Err(Error::new(ErrorKind::WrongController(allowed), message).into())
}

fn read(headers: &HeaderMap) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for name in READ {
        for value in headers.get_all(&name) {
            fields.append(&name, value.clone());
        }
    }
    fields
}

/// Whether the client gets the range that it asks for. A range of a file that it has an older form of, as `If-Range` says,
/// would be put together with that (RFC 9110, 13.1.5). Dates do not count: a file may change twice within a second.
async fn may_be_part(
    folder: &mut ServeDir,
    method: &Method,
    address: &str,
    headers: &HeaderMap,
) -> bool {
    let range = headers.get(header::RANGE);
    let is_known = range.is_some_and(|range| range.as_bytes().starts_with(b"bytes="));
    if *method == Method::HEAD || !is_known {
        return false;
    }
    let Some(expected) = headers.get(header::IF_RANGE) else {
        return true;
    };
    let mut fields = HeaderMap::new();
    if let Some(accepted) = headers.get(header::ACCEPT_ENCODING) {
        fields.insert(header::ACCEPT_ENCODING, accepted.clone());
    }
    let current = ask(folder, Method::HEAD, address, fields).await;
    let etag = current.and_then(|current| current.headers().get(header::ETAG).cloned());
    etag.is_some_and(|etag| etag == expected)
}

async fn ask(
    folder: &mut ServeDir,
    method: Method,
    address: &str,
    fields: HeaderMap,
) -> Option<Response<ServeFileSystemResponseBody>> {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = method;
    *request.uri_mut() = address.parse().ok()?;
    *request.headers_mut() = fields;
    let Ok(response) = folder.call(request).await;
    Some(response)
}

/// Whether the file is still what it was when its fingerprint was compared, before it was opened.
async fn is_unchanged(assets: &Assets, asset: Asset) -> bool {
    let assets = assets.clone();
    let unchanged = spawn_blocking(move || assets.is_unchanged(&asset)).await;
    unchanged.unwrap_or(false)
}

/// The response of `ServeDir` with what its address says, or the problem that it stands for.
fn finished(
    response: Response<ServeFileSystemResponseBody>,
    is_immutable: bool,
) -> Result<Option<Response<Body>>, Problem> {
    let (mut head, body) = response.into_parts();
    match head.status {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED => {}
        // It was removed since it was found.
        StatusCode::NOT_FOUND => return Ok(None),
        StatusCode::PRECONDITION_FAILED => return Err(failed()),
        StatusCode::RANGE_NOT_SATISFIABLE => {
            let message = "the file has none of the bytes that Range asks for";
            let problem = Problem::new(head.status, message);
            return Err(match head.headers.remove(header::CONTENT_RANGE) {
                Some(length) => problem.field(header::CONTENT_RANGE, length),
                None => problem,
            });
        }
        _ => return Err(Error::other("a static file cannot be read").into()),
    }
    let lifetime = match is_immutable {
        true => IMMUTABLE,
        false => REVALIDATED,
    };
    head.headers.insert(header::CACHE_CONTROL, lifetime);
    head.headers
        .insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(field) = head.headers.get_mut(header::CONTENT_TYPE)
        && let Some(with_charset) = with_charset(field)
    {
        *field = with_charset;
    }
    Ok(Some(Response::from_parts(head, Body::stream(body))))
}

/// The media type of a text says that it is UTF-8. Browsers take it for something else otherwise.
fn with_charset(field: &HeaderValue) -> Option<HeaderValue> {
    let mimetype = field.to_str().ok()?;
    let is_bare_text = mimetype.starts_with("text/") && !mimetype.contains(';');
    is_bare_text
        .then(|| HeaderValue::try_from(format!("{mimetype}; charset=utf-8")).ok())
        .flatten()
}
