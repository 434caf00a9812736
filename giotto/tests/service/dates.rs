//! Conditions that are dates, for pages that have a `Last-Modified`.

use giotto::Response;
use giotto::prelude::*;

use crate::{X, ask, service};

const LATER: &str = "Sun, 25 Jan 2026 00:00:01 GMT";
const MODIFIED: &str = "Sun, 25 Jan 2026 00:00:00 GMT";
const EARLIER: &str = "Sat, 24 Jan 2026 23:59:59 GMT";

#[tokio::test]
async fn a_date_is_compared_with_that_of_the_page() {
    let dated = |X { .. }: X| Response::new("0123456789").header("last-modified", MODIFIED);
    let view = || View::new().html(|text: &&str| (*text).to_owned());
    let manifest = Manifest::new([
        ("stored", Program::new(dated).cache(3600).view(view())),
        ("uncached", Program::new(dated).view(view())),
        (
            "undated",
            Program::new(|X { .. }: X| "0123456789")
                .cache(3600)
                .view(view()),
        ),
    ]);
    let service = service(App::new(manifest).cache(LocMemKeyValue::new()));
    let part = ("range", "bytes=3-4");
    // The statuses of the stored page, of the one that is not stored, and of the one without a date.
    for (method, fields, statuses) in [
        (
            "GET",
            &[("if-modified-since", MODIFIED)][..],
            [304, 304, 200],
        ),
        ("HEAD", &[("if-modified-since", LATER)], [304, 304, 200]),
        ("GET", &[("if-modified-since", EARLIER)], [200, 200, 200]),
        (
            "GET",
            &[("if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT")],
            [200, 200, 200],
        ),
        (
            "GET",
            &[("if-modified-since", MODIFIED), ("if-none-match", "\"a\"")],
            [200, 200, 200],
        ),
        ("GET", &[("if-unmodified-since", EARLIER)], [412, 412, 200]),
        (
            "HEAD",
            &[("if-unmodified-since", MODIFIED)],
            [200, 200, 200],
        ),
        ("POST", &[("if-unmodified-since", EARLIER)], [412, 412, 200]),
        (
            "POST",
            &[("if-unmodified-since", MODIFIED)],
            [200, 200, 200],
        ),
        ("POST", &[("if-modified-since", MODIFIED)], [200, 200, 200]),
        ("GET", &[part, ("if-range", MODIFIED)], [206, 200, 200]),
        ("GET", &[part, ("if-range", LATER)], [200, 200, 200]),
        ("HEAD", &[part, ("if-range", MODIFIED)], [200, 200, 200]),
    ] {
        for (name, status) in ["stored", "uncached", "undated"].iter().zip(statuses) {
            let reply = ask(&service, method, &format!("/{name}?x=1"), fields, "").await;
            assert_eq!(reply.status, status, "{method} {name} {fields:?}");
            let body = match status {
                206 => "34",
                304 => "",
                _ => continue,
            };
            assert_eq!(reply.body, body);
        }
    }
}
