//! A server that serves only what is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use giotto::cache::Cache;
use giotto::prelude::*;

use crate::{X, get, service};

#[tokio::test]
async fn what_is_stored_is_served_and_no_model_runs() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counting = || {
        let runs = Arc::clone(&runs);
        Program::new(move |X { x }: X| {
            runs.fetch_add(1, Ordering::SeqCst);
            x
        })
    };
    let manifest = Manifest::new([
        ("kept", counting().cache(60).view(BasicView::new())),
        ("plain", counting().view(BasicView::new())),
    ]);
    let app = App::new(manifest).with_cache(Cache::new(LocMemKeyValue::new()));
    let usual = service(app.clone());
    let frozen = service(app.frozen(true));
    let stored = get(&usual, "/kept?x=1").await;
    assert_eq!(runs.swap(0, Ordering::SeqCst), 1);
    let hit = get(&frozen, "/kept?x=1").await;
    assert_eq!((hit.status, hit.body), (stored.status, stored.body));
    let miss = get(&frozen, "/kept?x=2").await;
    assert_eq!(miss.status, 504);
    assert!(
        miss.cache_status.contains("detail="),
        "{}",
        miss.cache_status
    );
    assert_eq!(get(&frozen, "/plain?x=1").await.status, 504);
    assert_eq!(get(&frozen, "/nothing").await.status, 404);
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    assert_eq!(get(&usual, "/kept?x=2").await.status, 200);
}
