//! A request to a service in this process.

use bytes::Bytes;
use http_body_util::Full;

pub(crate) fn request(
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> http::Request<Full<Bytes>> {
    let mut request = http::Request::builder().method(method).uri(target);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap()
}
