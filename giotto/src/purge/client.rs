//! Sends a request that purges over HTTP or HTTPS, and judges the response.
//!
//! The last part of a purge.

use std::pin::Pin;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use giotto_cache::log::Cut;
use http::header::{self, HeaderMap};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::ring;
use tokio::time::timeout;

/// How long a request may take, connecting included.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most of a response that is read: its body says why it is refused, for the log.
const MAX_BODY: usize = 64 << 10;
/// A longer pause is not made, whatever the end point asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Accepted,
    /// To be tried again, after the pause that the end point asks for.
    Later {
        why: String,
        pause: Option<Duration>,
    },
    /// Not to be tried again: it would be refused again.
    Refused(String),
}

/// What sends requests.
pub(super) type Transport = Box<dyn Fn(Request<Full<Bytes>>) -> Sending + Send + Sync>;
pub(super) type Sending = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// HTTP/1.1, and HTTPS with the certificate authorities that browsers know.
pub(super) fn transport() -> Transport {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(ring::default_provider())
        .map(|connector| connector.https_or_http().enable_http1().build());
    let client = match connector {
        Ok(connector) => Client::builder(TokioExecutor::new()).build(connector),
        Err(error) => {
            let why = format!("TLS is not available: {error}");
            return Box::new(move |_| Box::pin(std::future::ready(Outcome::Refused(why.clone()))));
        }
    };
    Box::new(move |request| {
        let response = client.request(request);
        Box::pin(async move {
            let response = match timeout(PATIENCE, response).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => return later(reason(&error)),
                Err(_) => return later(format!("no answer within {PATIENCE:?}")),
            };
            let (head, body) = response.into_parts();
            // The head has the decision. A body that is late or too long is left out of the log.
            let body = timeout(PATIENCE, Limited::new(body, MAX_BODY).collect()).await;
            let body = body.ok().and_then(Result::ok);
            let body = body.map_or_else(Bytes::new, Collected::to_bytes);
            judge(head.status, &head.headers, &String::from_utf8_lossy(&body))
        })
    })
}

fn later(why: String) -> Outcome {
    Outcome::Later { why, pause: None }
}

/// The error with its causes: the outermost says little more than "connect".
fn reason(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    causes.join(": ")
}

/// What a response with `body` means.
fn judge(status: StatusCode, fields: &HeaderMap, body: &str) -> Outcome {
    let why = || match body.trim() {
        "" => status.to_string(),
        body => format!("{status}: {}", Cut(body)),
    };
    match status {
        _ if status.is_success() => Outcome::Accepted,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Outcome::Later {
                why: why(),
                pause: pause(fields),
            }
        }
        _ if status.is_server_error() => Outcome::Later {
            why: why(),
            pause: pause(fields),
        },
        _ => Outcome::Refused(why()),
    }
}

/// `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.
fn pause(fields: &HeaderMap) -> Option<Duration> {
    let text = fields.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            date.duration_since(SystemTime::now()).unwrap_or_default()
        }
    };
    Some(pause.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn judged(status: u16, retry_after: Option<&str>) -> Outcome {
        let fields = retry_after.map(|text| (header::RETRY_AFTER, HeaderValue::try_from(text)));
        let fields = fields.map(|(name, value)| (name, value.unwrap()));
        let status = StatusCode::from_u16(status).unwrap();
        judge(status, &fields.into_iter().collect(), "")
    }

    fn pause_of(status: u16, retry_after: &str) -> Option<Duration> {
        match judged(status, Some(retry_after)) {
            Outcome::Later { pause, .. } => pause,
            other => panic!("{other:?}"),
        }
    }

    /// A server that closes each connection at once.
    #[tokio::test]
    async fn an_end_point_that_cannot_be_reached_is_tried_again() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { while listener.accept().await.is_ok() {} });
        let transport = transport();
        for scheme in ["http", "https"] {
            let mut request = Request::new(Full::default());
            *request.uri_mut() = format!("{scheme}://{address}/").parse().unwrap();
            let outcome = transport(request).await;
            assert!(matches!(outcome, Outcome::Later { .. }), "{outcome:?}");
        }
    }

    #[test]
    fn a_response_says_whether_to_try_again_and_when() {
        for status in [200, 201, 202, 204] {
            assert_eq!(judged(status, None), Outcome::Accepted);
        }
        for status in [408, 425, 429, 500, 502, 503, 504] {
            let outcome = judged(status, None);
            assert!(matches!(outcome, Outcome::Later { pause: None, .. }));
            assert_eq!(pause_of(status, "7"), Some(Duration::from_secs(7)));
        }
        for status in [301, 400, 401, 403, 404, 405] {
            assert!(matches!(judged(status, Some("7")), Outcome::Refused(_)));
        }
        assert_eq!(pause_of(503, "99999"), Some(LONGEST_PAUSE));
        assert_eq!(pause_of(503, "soon"), None);
        let past = "Thu, 01 Jan 1970 00:00:10 GMT";
        assert_eq!(pause_of(429, past), Some(Duration::ZERO));
        let future = "Fri, 31 Dec 9999 23:59:59 GMT";
        assert_eq!(pause_of(429, future), Some(LONGEST_PAUSE));
    }
}
