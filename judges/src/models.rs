//! The models of the pages: what they say matters less than what is sent with them.

use std::thread::sleep;
use std::time::Duration;

use giotto::Response;
use giotto::prelude::*;

/// What belongs to one reader. It takes a while, so that the requests of several readers meet.
#[model]
pub(crate) fn mine(user: String) -> String {
    sleep(Duration::from_millis(50));
    format!("the page of {user}")
}

/// A page in the colours of a reader.
#[model]
pub(crate) fn colours(theme: String) -> String {
    sleep(Duration::from_millis(50));
    format!("a page in {theme}")
}

/// A greeting.
#[model]
pub(crate) fn hello(lang: String) -> &'static str {
    match lang.as_str() {
        "de" => "Guten Tag",
        _ => "Good day",
    }
}

/// About 20 KiB that compress well.
#[model]
pub(crate) fn report() -> Vec<String> {
    let row = |n: u32| format!("flight {n}: from JFK to LAX, {} minutes late", n * 7 % 60);
    (0..450).map(row).collect()
}

/// A page with fields of its own.
#[model]
pub(crate) fn file() -> Response<Vec<u32>> {
    Response::new((1..=20).collect())
        .header(
            "content-disposition",
            "attachment; filename=\"numbers.json\"",
        )
        .header("content-language", "en")
        .header("last-modified", "Sat, 24 Jan 2026 00:00:00 GMT")
        .header("link", "</plain>; rel=\"related\"")
}

/// A page that depends on two parameters.
#[model]
pub(crate) fn search(words: String, page: u32) -> String {
    format!("page {page} of what has the words {words}")
}

/// What is computed for every request.
#[model]
pub(crate) fn uncached() -> &'static str {
    "uncached"
}

/// What nobody may keep.
#[model]
pub(crate) fn secret(cache: CacheControl) -> &'static str {
    cache.no_store();
    "for this moment only"
}

/// What has gone elsewhere for good.
#[model]
pub(crate) fn moved() -> Redirection {
    Redirection::to("/note/1").permanent()
}

/// What is nowhere.
#[model]
pub(crate) fn missing() -> Result<&'static str, Error> {
    Err(Error::not_found("there is nothing here"))
}
