//! Sessions, tokens of forms and signing in, over the service in this process.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod base;
mod cached;
mod csrf;
mod library;
mod lifetimes;
mod mixed;
mod preconditions;
#[path = "../common/request.rs"]
mod request;
#[cfg(feature = "axum")]
mod routes;
mod seal;
mod signing_in;
mod start;
#[cfg(feature = "template")]
mod templates;

use std::collections::BTreeMap;

use giotto::cache::Clock;
use giotto::prelude::*;
use giotto::{Body, Service};
use http_body_util::BodyExt;
use tower_service::Service as _;

use crate::request::request;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const COOKIE: &str = "__Host-giotto_session";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[derive(Serialize, Deserialize)]
struct Nothing {}

fn sessions() -> Sessions {
    Sessions::new().keys([KEY])
}

/// Sessions, and the clock that they are measured with.
fn timed() -> (Sessions, Clock) {
    let clock = Clock::manual(1_700_000_000_000);
    (sessions().clock(clock.clone()), clock)
}

fn service(sessions: Sessions) -> Service {
    let app = App::new(library::manifest()).cache(LocMemKeyValue::new());
    app.sessions(sessions).into_service().unwrap()
}

#[derive(Debug)]
struct Reply {
    status: u16,
    cache_control: String,
    fields: http::HeaderMap,
    body: String,
}

impl Reply {
    /// The cookies that it sets.
    fn cookies(&self) -> Vec<&str> {
        let fields = self.fields.get_all("set-cookie").iter();
        fields.map(|field| field.to_str().unwrap()).collect()
    }

    /// The first token in its page.
    fn token(&self) -> String {
        let mut parts = self.body.split("name=\"csrf_token\" value=\"");
        let rest = parts
            .nth(1)
            .unwrap_or_else(|| panic!("a token in {self:?}"));
        rest.split('"').next().unwrap().to_owned()
    }
}

async fn ask(
    service: &Service,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> Reply {
    let request = request(method, target, fields, body);
    let response: http::Response<Body> = service.clone().call(request).await.unwrap();
    let (head, body) = response.into_parts();
    let cache_control = head.headers.get("cache-control");
    Reply {
        status: head.status.as_u16(),
        cache_control: cache_control
            .map_or("", |value| value.to_str().unwrap())
            .to_owned(),
        body: String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap(),
        fields: head.headers,
    }
}

/// What keeps cookies as a browser does.
#[derive(Clone)]
struct Browser {
    service: Service,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new(service: &Service) -> Self {
        Self {
            service: service.clone(),
            cookies: BTreeMap::new(),
        }
    }

    async fn ask(
        &mut self,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let sent = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let sent = sent.collect::<Vec<_>>().join("; ");
        let mut fields = fields.to_vec();
        if !sent.is_empty() {
            fields.push(("cookie", &sent));
        }
        let reply = ask(&self.service, method, target, &fields, body).await;
        self.keep(&reply);
        reply
    }

    fn keep(&mut self, reply: &Reply) {
        if !reply.cookies().is_empty() {
            assert_eq!(reply.cache_control, "no-store", "{reply:?}");
        }
        for cookie in reply.cookies() {
            let (pair, attributes) = cookie.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(cookie.len() <= 4_096, "{cookie}");
            let (ends, rest) = attributes.split_at(attributes.find("; Secure").unwrap());
            assert_eq!(rest, "; Secure; HttpOnly; SameSite=Lax", "{cookie}");
            match ends
                .strip_prefix("Path=/; Max-Age=")
                .unwrap()
                .parse::<u32>()
                .unwrap()
            {
                0 => self.cookies.remove(name),
                _ => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
    }

    async fn get(&mut self, target: &str) -> Reply {
        self.ask("GET", target, &[], "").await
    }

    /// Posts a form with the token of a page.
    async fn post(&mut self, target: &str, form: &str) -> Reply {
        let token = self.get("/form").await.token();
        let form = format!("{form}&csrf_token={token}");
        self.ask("POST", target, &[FORM], &form).await
    }

    async fn sign_in(&mut self, user: &str) -> Reply {
        let reply = self.post("/sign-in", &format!("user={user}")).await;
        assert_eq!(reply.status, 303, "{reply:?}");
        reply
    }

    /// What the session is, as a page shows it.
    async fn whoami(&mut self) -> String {
        let reply = self.get("/whoami.json").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.body
    }

    fn session(&self) -> &str {
        &self.cookies[COOKIE]
    }
}
