//! Pages in a store outside the process, which keeps them under zstd.

use std::time::Duration;

use giotto::cache::Cache;
use giotto::prelude::*;
use giotto::{Request, Service};

use crate::{ask, get, manifest, text};

const TARGET: &str = "/page?bytes=5000";

/// A service over a file, and the cache behind it.
fn outside(folder: &tempfile::TempDir, is_on: bool) -> (Service, Cache) {
    let file = folder.path().join("cache.sqlite");
    let store = DatabaseKeyValue::from_url(&format!("sqlite://{}", file.display())).unwrap();
    // A machine under load is not what is tested.
    let cache = Cache::builder(store).deadline(Duration::from_secs(30));
    let cache = cache.compress(is_on).build();
    let app = App::new(manifest()).with_cache(cache.clone());
    (app.into_service().unwrap(), cache)
}

async fn stored(cache: &Cache, program: &str) -> usize {
    cache.settle().await;
    let key = format!("{{'bytes': 5000}}({program})(text/html)");
    cache.store().get(&key).await.unwrap().unwrap().len()
}

#[tokio::test]
async fn a_client_that_accepts_zstd_gets_the_stored_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (service, cache) = outside(&folder, true);
    let computed = get(&service, TARGET, "gzip, br, zstd").await;
    assert!(stored(&cache, "page").await < 3000);
    // What is computed is sent as what is stored will be.
    let etag = computed.etag();
    assert!(etag.ends_with("-zstd\""), "{etag}");
    for codings in ["gzip, br, zstd", "zstd", "*", "br;q=0.9, zstd"] {
        let hit = get(&service, TARGET, codings).await;
        assert!(hit.field("cache-status").starts_with("giotto; hit"));
        assert_eq!((hit.coding(), hit.etag()), ("zstd", etag));
        assert_eq!(hit.page(), text(5000).as_bytes());
        assert!(hit.varies());
        let known = [("accept-encoding", codings), ("if-none-match", etag)];
        let reply = ask(&service, "GET", TARGET, &known).await;
        assert_eq!((reply.status, reply.etag()), (304, etag));
        assert!(reply.varies());
    }
}

#[tokio::test]
async fn other_clients_get_the_page_in_what_they_accept() {
    let folder = tempfile::tempdir().unwrap();
    let (service, cache) = outside(&folder, true);
    get(&service, TARGET, "").await;
    stored(&cache, "page").await;
    let mut plain = ask(&service, "GET", TARGET, &[]).await.etag().to_owned();
    plain.pop();
    for (codings, coding, suffix) in [
        ("", "", ""),
        ("identity, zstd;q=0.5", "", ""),
        ("br, zstd;q=0.9", "br", "-br"),
        ("gzip", "gzip", "-gz"),
        ("gzip, br", "br", "-br"),
    ] {
        let hit = get(&service, TARGET, codings).await;
        let etag = format!("{plain}{suffix}\"");
        assert_eq!((hit.coding(), hit.etag()), (coding, &*etag), "{codings}");
        assert_eq!(hit.page(), text(5000).as_bytes(), "{codings}");
        assert!(hit.varies());
        for codings in [codings, "zstd, br, gzip"] {
            let known = [("accept-encoding", codings), ("if-none-match", &*etag)];
            let reply = ask(&service, "GET", TARGET, &known).await;
            assert_eq!((reply.status, reply.etag()), (304, &*etag), "{codings}");
        }
    }
}

#[tokio::test]
async fn middleware_and_the_command_line_see_the_page_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (service, cache) = outside(&folder, true);
    for program in ["changed", "plain"] {
        for _ in 0..2 {
            let reply = get(&service, &format!("/{program}?bytes=5000"), "zstd").await;
            assert_eq!((reply.status, reply.coding()), (200, ""));
            let page = String::from_utf8(reply.page()).unwrap();
            assert_eq!(page.to_lowercase(), text(5000));
            assert!(stored(&cache, program).await < 3000);
        }
    }
    get(&service, TARGET, "zstd").await;
    stored(&cache, "page").await;
    let app = App::new(manifest()).with_cache(cache);
    let mut request = Request::new(CMD, "page")
        .argument("bytes", "5000")
        .accept("text/html");
    let page = app.invoke(&mut request).await.unwrap();
    assert_eq!(page.body(), &text(5000));
}

#[tokio::test]
async fn the_setting_stores_pages_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (service, cache) = outside(&folder, false);
    get(&service, TARGET, "zstd").await;
    assert!(stored(&cache, "page").await > 5000);
    // Still coded for clients, in the order of a store that codes nothing.
    assert_eq!(get(&service, TARGET, "zstd, br").await.coding(), "br");
}

/// A client, or a proxy in front, may accept other codings with a write than with the page that it has.
#[tokio::test]
async fn a_write_names_the_page_in_any_coding_whatever_the_store_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let (service, cache) = outside(&folder, true);
    let plain = get(&service, TARGET, "").await;
    stored(&cache, "page").await;
    let digest = plain.etag().trim_matches('"');
    for suffix in ["", "-br", "-zstd", "-gz"] {
        let known = format!("\"{digest}{suffix}\"");
        for codings in ["", "gzip, deflate, br, zstd", "zstd"] {
            let fields = [("accept-encoding", codings), ("if-match", &*known)];
            let reply = ask(&service, "POST", TARGET, &fields).await;
            assert_eq!(reply.status, 200, "{known}, {codings}");
        }
    }
}
