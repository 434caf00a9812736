//! The same routes in a server of the application.

use bytes::Bytes;
use giotto::prelude::*;
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
    admin.stopping();
    let (status, body) = ask("/readyz").await;
    assert!(
        status == 503 && body.contains("stopping"),
        "{status} {body}"
    );
    drop(service);
}
