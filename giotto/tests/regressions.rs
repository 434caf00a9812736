//! Faults that were found once and have no better place, each named by what went wrong.

use bytes::Bytes;
use giotto::prelude::*;
use http_body_util::Empty;
use tower_service::Service as _;

#[tokio::test]
async fn a_redirection_could_set_another_header_field() {
    #[derive(Serialize, Deserialize)]
    struct Nothing {}

    let program = |location: &'static str| {
        Program::new(move |_: Nothing| Redirection::to(location)).view(BasicView::new())
    };
    let manifest = Manifest::new([
        ("split", program("/a\r\nSet-Cookie: b=c")),
        ("split-too", program("/é\0\r\n\"a b\"")),
        ("plain", program("/a?b=c%20d#e")),
    ]);
    let mut service = manifest.into_service().unwrap();
    for (target, location) in [
        ("/split", "/a%0D%0ASet-Cookie:%20b=c"),
        ("/split-too", "/%C3%A9%00%0D%0A%22a%20b%22"),
        ("/plain", "/a?b=c%20d#e"),
    ] {
        let request = http::Request::get(target).body(Empty::<Bytes>::new());
        let response = service.call(request.unwrap()).await.unwrap();
        let fields = response.headers();
        assert_eq!(
            (
                response.status().as_u16(),
                fields["location"].to_str().unwrap()
            ),
            (302, location),
            "{target}"
        );
        assert!(!fields.contains_key("set-cookie"), "{target}");
    }
}
