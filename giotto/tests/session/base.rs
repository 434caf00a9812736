//! Sessions of an application below a path of its host.

use giotto::auth::authenticated_or_redirect;
use giotto::prelude::*;

use crate::{FORM, Nothing, ask, library, sessions};

#[tokio::test]
async fn the_cookie_has_the_path_of_the_base_and_no_name_of_the_whole_host() {
    let app = App::new(library::manifest()).cache(LocMemKeyValue::new());
    let service = app
        .sessions(sessions())
        .base("/library")
        .into_service()
        .unwrap();
    let form = ask(&service, "GET", "/library/form", &[], "").await;
    let cookie = form.cookies()[0];
    assert!(cookie.starts_with("__Secure-giotto_session="), "{cookie}");
    assert!(cookie.contains("; Path=/library; "), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    let posted = format!("user=ada&csrf_token={}", form.token());
    let fields = [FORM, ("cookie", pair)];
    let reply = ask(&service, "POST", "/library/sign-in", &fields, &posted).await;
    assert_eq!(reply.status, 303, "{reply:?}");
    let location = reply.fields["location"].to_str().unwrap();
    assert!(location.starts_with("/library/"), "{location}");
    // Without its name of the whole host, the cookie of another application opens nothing.
    let other = pair.replace("__Secure-", "__Host-");
    let fields = [FORM, ("cookie", &*other)];
    let reply = ask(&service, "POST", "/library/sign-in", &fields, &posted).await;
    assert_eq!(reply.status, 403, "{reply:?}");
}

#[tokio::test]
async fn a_reader_who_is_not_signed_in_goes_to_the_page_below_the_base() {
    let program = Program::new(|_: Nothing| "a".to_owned())
        .input_middleware(authenticated_or_redirect("/sign-in"));
    let manifest = Manifest::new([("loans", program.view(BasicView::new()))]);
    let app = App::new(manifest).sessions(sessions()).base("/library");
    let service = app.into_service().unwrap();
    let reply = ask(&service, "GET", "/library/loans", &[], "").await;
    assert_eq!(reply.fields["location"], "/library/sign-in");
}
