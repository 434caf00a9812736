//! The same routes in a server of the application.

use bytes::Bytes;
use giotto::cache::{Cache, Key};
use giotto::prelude::*;
use giotto::testing::Chaos;
use http_body_util::{BodyExt, Full};
use tower_service::Service;

#[tokio::test]
async fn an_application_mounts_the_routes_behind_its_own_check() {
    let app = App::new(Manifest::default());
    let admin = app.admin();
    let service = app.into_service().unwrap();
    let ask = async |target: &str| {
        let request = http::Request::get(target).header("host", "ops.example");
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let response = admin.clone().call(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(ask("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(ask("/readyz").await.0, 200);
    assert_eq!(ask("/nothing").await.0, 404);
    // Which names the application answers under is for its own check to know.
    assert_eq!(ask("/metrics").await.0, 200);
    admin.stopping();
    let (status, body) = ask("/readyz").await;
    assert!(
        status == 503 && body.contains("stopping"),
        "{status} {body}"
    );
    drop(service);
}

#[tokio::test]
async fn a_process_whose_store_fails_is_ready_unless_the_store_is_asked_for() {
    let chaos = Chaos::new(LocMemKeyValue::new());
    let cache = Cache::new(chaos.clone());
    let admin = App::new(Manifest::default())
        .with_cache(cache.clone())
        .admin();
    let ask = async |target: &str| {
        let request = http::Request::get(target).body(Full::<Bytes>::default());
        let response = admin.clone().call(request.unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    assert_eq!(ask("/readyz?store").await.0, 200);
    chaos.errors(1.0);
    // Five failures open the breaker.
    for number in 0..5 {
        let key = Key::new("page", number.to_string(), "text/html");
        let compute = || async { Ok::<_, std::io::Error>("page".into()) };
        let minute = Policy::seconds(60);
        cache.get_or_compute(key, minute, compute).await.unwrap();
    }
    let (status, body) = ask("/readyz?store").await;
    assert_eq!(status, 503, "{body}");
    assert!(
        body.contains("store fails") && body.contains("\"open\""),
        "{body}"
    );
    assert_eq!(ask("/readyz").await.0, 200);
}
