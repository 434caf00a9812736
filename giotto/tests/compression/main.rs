//! Compressed pages: which coding a client gets, and that it decodes to the page.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

mod bounds;
mod negotiation;
mod representation;
#[path = "../common/request.rs"]
mod request;
#[path = "../common/server.rs"]
#[expect(dead_code, reason = "only some of it is needed here")]
mod server;
mod stored;
#[path = "../common/testbed.rs"]
mod testbed;
mod wire;

use std::io::Read;

use bytes::Bytes;
use giotto::Service;
use giotto::prelude::*;
use http::HeaderMap;
use http_body_util::BodyExt;
use tower_service::Service as _;

use crate::request::request;

#[derive(Serialize, Deserialize)]
struct Length {
    bytes: usize,
}

/// A text of so many bytes that becomes much smaller.
fn text(bytes: usize) -> String {
    let words = (0..).map(|n: u32| format!("word {} and {n}, ", n.wrapping_mul(2_654_435_761)));
    let mut text: String = words.take(bytes / 8 + 1).collect();
    text.truncate(bytes);
    text
}

/// So many bytes that hardly become smaller.
fn noise(bytes: usize) -> Bytes {
    let mut state = 7_u64;
    let noise = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    });
    noise.take(bytes).collect()
}

fn program() -> Program<giotto::Bare<String, Length>> {
    Program::new(|Length { bytes }: Length| text(bytes))
}

fn view() -> View<String> {
    View::new().html(|text: &String| text.clone())
}

fn manifest() -> Manifest {
    let noisy = Program::new(|Length { bytes }: Length| bytes);
    let noisy = noisy.view(View::new().renders("text/csv", |bytes: &usize| noise(*bytes)));
    Manifest::new([
        ("page", program().cache(3600).view(view())),
        ("plain", program().cache(3600).compress(false).view(view())),
        ("uncached", program().view(view())),
        ("noise", noisy.cache(3600)),
        (
            "image",
            program()
                .cache(3600)
                .view(View::new().renders("image/png", |text: &String| text.clone())),
        ),
        (
            "changed",
            program()
                .cache(3600)
                .output_middleware(|_: &Request<'_>, page: &mut giotto::Page| {
                    page.set_body(page.body().to_ascii_uppercase());
                    Ok(())
                })
                .view(view()),
        ),
        (
            "guarded",
            program()
                .cache(3600)
                .input_middleware(|_: &mut Request<'_>| Ok(()))
                .view(view()),
        ),
    ])
}

fn service() -> Service {
    let app = App::new(manifest()).cache(LocMemKeyValue::new());
    app.into_service().unwrap()
}

#[derive(Debug)]
struct Reply {
    status: u16,
    fields: HeaderMap,
    body: Bytes,
}

impl Reply {
    /// The field `name`, or nothing.
    fn field(&self, name: &str) -> &str {
        let field = self.fields.get(name);
        field.map_or("", |value| value.to_str().unwrap())
    }

    fn coding(&self) -> &str {
        self.field("content-encoding")
    }

    fn etag(&self) -> &str {
        self.field("etag")
    }

    fn varies(&self) -> bool {
        self.field("vary").contains("Accept-Encoding")
    }

    /// The page, whatever its coding.
    fn page(&self) -> Vec<u8> {
        let mut page = Vec::new();
        match self.coding() {
            "" => page.extend(&self.body),
            "br" => {
                brotli::BrotliDecompress(&mut &self.body[..], &mut page).unwrap();
            }
            "zstd" => page = zstd::decode_all(&self.body[..]).unwrap(),
            "gzip" => {
                let mut decoder = flate2::read::GzDecoder::new(&self.body[..]);
                decoder.read_to_end(&mut page).unwrap();
            }
            other => panic!("the coding {other}"),
        }
        page
    }
}

async fn ask(service: &Service, method: &str, target: &str, fields: &[(&str, &str)]) -> Reply {
    let request = request(method, target, fields, "");
    let response = service.clone().call(request).await.unwrap();
    let (head, body) = response.into_parts();
    Reply {
        status: head.status.as_u16(),
        fields: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// A GET whose client accepts `codings`.
async fn get(service: &Service, target: &str, codings: &str) -> Reply {
    ask(service, "GET", target, &[("accept-encoding", codings)]).await
}
