//! What is compressed and what is not.

use giotto::prelude::*;

use crate::{Reply, get, manifest, noise, service, text};

fn assert_plain(reply: &Reply, varies: bool) {
    assert_eq!((reply.status, reply.coding()), (200, ""));
    assert_eq!(reply.varies(), varies);
    assert!(!reply.etag().contains('-'));
}

#[tokio::test]
async fn a_page_of_less_than_a_kibibyte_is_not_compressed() {
    let service = service();
    assert_plain(&get(&service, "/page?bytes=1023", "br").await, false);
    let reply = get(&service, "/page?bytes=1024", "br").await;
    assert_eq!(reply.coding(), "br");
    assert_eq!(reply.page(), text(1024).as_bytes());
}

#[tokio::test]
async fn a_page_that_becomes_no_smaller_is_sent_as_it_is() {
    let service = service();
    for codings in ["br", "zstd", "gzip", "gzip, zstd, br", "br"] {
        let reply = get(&service, "/noise?bytes=5000", codings).await;
        assert_plain(&reply, true);
        assert_eq!(reply.body, noise(5000));
    }
}

#[tokio::test]
async fn large_pages_are_compressed_as_well() {
    let service = service();
    for coding in ["br", "zstd", "gzip"] {
        for bytes in [20_000, 300_000] {
            let reply = get(&service, &format!("/page?bytes={bytes}"), coding).await;
            assert_eq!(reply.coding(), coding);
            assert!(reply.body.len() < bytes / 2);
            assert_eq!(reply.page(), text(bytes).as_bytes());
        }
    }
    // Too large to be stored, so that it would be compressed for each request.
    let reply = get(&service, "/page?bytes=1100000", "br").await;
    assert_plain(&reply, false);
}

#[tokio::test]
async fn only_stored_pages_of_media_types_that_are_texts_are_compressed() {
    let service = service();
    for target in ["/uncached", "/image", "/changed", "/plain"] {
        for _ in 0..2 {
            let reply = get(&service, &format!("{target}?bytes=5000"), "br, gzip").await;
            assert_plain(&reply, false);
            assert_eq!(reply.body.len(), 5000, "{target}");
        }
    }
    let reply = get(&service, "/guarded?bytes=5000", "br").await;
    assert_eq!(reply.coding(), "br");
    let reply = get(&service, "/page", "br").await;
    assert_eq!((reply.status, reply.coding()), (400, ""));
    let nowhere = App::new(manifest()).into_service().unwrap();
    assert_plain(&get(&nowhere, "/page?bytes=5000", "br").await, false);
}

#[tokio::test]
async fn one_setting_turns_it_off() {
    let app = App::new(manifest()).cache(LocMemKeyValue::new());
    let service = app.compression(false).into_service().unwrap();
    for codings in ["br, gzip", "identity;q=0"] {
        assert_plain(&get(&service, "/page?bytes=5000", codings).await, false);
    }
}

#[tokio::test]
async fn many_requests_at_once_get_the_same() {
    let service = service();
    let requests = (0..20).map(|n| {
        let service = service.clone();
        let coding = ["br", "zstd", "gzip"][n % 3];
        tokio::spawn(async move { get(&service, "/page?bytes=100000", coding).await })
    });
    for request in requests.collect::<Vec<_>>() {
        let reply = request.await.unwrap();
        assert_ne!(reply.coding(), "");
        assert_eq!(reply.page(), text(100_000).as_bytes());
    }
}
