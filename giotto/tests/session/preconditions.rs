//! A precondition is about a page that nobody sees: it takes no message from the reader.

use giotto::Redirection;
use giotto::prelude::*;

use crate::{Browser, FORM, Nothing, sessions};

#[tokio::test]
async fn a_precondition_takes_no_message_from_the_reader() {
    let say = |_: Nothing, session: Session| -> Result<Redirection, Error> {
        session.flash("info", "Saved")?;
        Ok(Redirection::to("/note"))
    };
    let show = |_: Nothing, session: Session| {
        let flashes = session.flashes().into_iter();
        flashes.map(|flash| flash.text).collect::<String>()
    };
    let form =
        View::new().html(|(): &(), rendering: &giotto::view::Rendering| rendering.csrf_field());
    let written = Program::new(|_: Nothing| "written").controllers([HTTP_POST]);
    let manifest = Manifest::new([
        ("form", Program::new(|_: Nothing| ()).view(form)),
        (
            "say",
            Program::new(say)
                .controllers([HTTP_POST])
                .view(BasicView::new()),
        ),
    ])
    .with(
        "note",
        [
            Program::new(show)
                .controllers([HTTP_GET])
                .view(View::new().html(String::clone)),
            written.view(BasicView::new()),
        ],
    );
    let service = App::new(manifest)
        .sessions(sessions())
        .into_service()
        .unwrap();
    let mut reader = Browser::new(&service);
    let token = reader.get("/form").await.token();
    let token = format!("csrf_token={token}");
    assert_eq!(
        reader.ask("POST", "/say", &[FORM], &token).await.status,
        303
    );
    for (condition, status) in [("if-match", 412), ("if-none-match", 200)] {
        let fields = [FORM, (condition, "\"other\"")];
        let reply = reader.ask("POST", "/note", &fields, &token).await;
        assert_eq!(
            (reply.status, reply.cookies().len()),
            (status, 0),
            "{condition}"
        );
    }
    let fields = [("if-match", "\"other\"")];
    let reply = reader.ask("GET", "/note", &fields, "").await;
    assert_eq!((reply.status, reply.cookies().len()), (412, 0));
    assert_eq!(reader.get("/note").await.body, "Saved");
    assert_eq!(reader.get("/note").await.body, "");
}
