//! Templates: the token of a form and the messages for the reader, escaped, and on no stored page.

use giotto::prelude::*;

use crate::{Browser, FORM, Nothing, ask, sessions};

const PAGE: &str = "{% for message in flashes() %}<p class=\"{{ message.kind }}\">{{ message.text }}</p>{% endfor %}\
                    <form method=post>{{ csrf() }}</form>";

#[tokio::test]
async fn a_template_has_the_token_and_the_messages() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page.html"), PAGE).unwrap();
    for (name, function) in [("token.html", "csrf"), ("messages.html", "flashes")] {
        // Whether it is on the page is not known before the page is.
        let text = format!("{{% if data is none %}}{{{{ {function}() }}}}{{% endif %}}");
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let shown = |name: &str| Program::new(|_: Nothing| ()).view(View::new().html(template(name)));
    let say = |_: Nothing, session: Session| -> Result<Redirection, Error> {
        session.flash("info", "<b>Saved</b>")?;
        Ok(Redirection::to("/form"))
    };
    let manifest = Manifest::new([
        ("form", shown("page.html")),
        (
            "say",
            Program::new(say).controllers([HTTP_POST]).view(View::new()),
        ),
        ("token", shown("token.html").cache(60)),
        ("messages", shown("messages.html").cache(60)),
    ]);
    let app = App::new(manifest)
        .templates(Templates::new(folder.path()))
        .cache(LocMemKeyValue::new());
    let service = app.sessions(sessions()).into_service().unwrap().debug(true);
    let mut reader = Browser::new(&service);
    assert_eq!(reader.ask("POST", "/say", &[FORM], "").await.status, 403);
    assert_eq!(reader.post("/say", "").await.status, 303);
    let page = reader.get("/form").await;
    let message = "<p class=\"info\">&lt;b&gt;Saved&lt;/b&gt;</p><form method=post><input type=\"hidden\" name=\"csrf_token\" value=\"";
    assert!(page.body.starts_with(message), "{}", page.body);
    assert!(reader.get("/form").await.body.starts_with("<form"));
    for target in ["/token", "/messages"] {
        let reply = ask(&service, "GET", target, &[], "").await;
        assert_eq!(reply.status, 500, "{target}");
        assert!(
            reply.body.contains("belongs to one reader"),
            "{}",
            reply.body
        );
    }
}

/// A fragment is for all readers, also on a page that is not stored.
#[tokio::test]
async fn what_belongs_to_one_reader_is_in_no_fragment() {
    const FRAGMENTS: [(&str, &str); 5] = [
        (
            "csrf",
            "{% call cache('a', seconds=60) %}{{ csrf() }}{% endcall %}",
        ),
        (
            "flashes",
            "{% call cache('a', seconds=60) %}{{ flashes() }}{% endcall %}",
        ),
        (
            "variable",
            "{% set token = csrf() %}{% call cache('a', seconds=60) %}{{ token }}{% endcall %}",
        ),
        (
            "form",
            "{% call cache('a', seconds=60) %}for all{% endcall %} {{ csrf() }}",
        ),
        (
            "shown",
            "{% set shown = flashes() %}{% call cache('a', seconds=60) %}{% for one in shown %}{{ one.text }}{% endfor %}.\
             {% endcall %}",
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = Manifest::default();
    for (name, text) in FRAGMENTS {
        std::fs::write(folder.path().join(name), text).unwrap();
        let program = Program::new(|_: Nothing| ()).view(View::new().html(template(name)));
        manifest = manifest.with(name, program);
    }
    let say = |_: Nothing, session: Session| -> Result<Redirection, Error> {
        session.flash("info", "for one")?;
        Ok(Redirection::to("/shown"))
    };
    let say = Program::new(say).controllers([HTTP_POST]);
    let app = App::new(manifest.with("say", say.view(View::new())))
        .templates(Templates::new(folder.path()))
        .cache(LocMemKeyValue::new());
    let service = app.sessions(sessions()).into_service().unwrap().debug(true);
    let mut reader = Browser::new(&service);
    for refused in ["csrf", "flashes", "variable"] {
        for _ in 0..2 {
            let reply = reader.get(&format!("/{refused}")).await;
            assert_eq!(reply.status, 500, "{refused}");
            assert!(
                reply.body.contains("belongs to one reader"),
                "{}",
                reply.body
            );
        }
    }
    assert!(reader.get("/form").await.body.starts_with("for all <input"));
    assert_eq!(reader.post("/say", "").await.status, 303);
    assert_eq!(reader.get("/shown").await.body, "for one.");
    for mut other in [Browser::new(&service), reader] {
        assert_eq!(other.get("/shown").await.body, ".");
        assert!(other.get("/form").await.body.starts_with("for all <input"));
    }
}

/// The page of an error is for every reader: a layout with a form needs a block that its template leaves empty.
#[tokio::test]
async fn an_error_page_with_a_token_is_logged_and_the_usual_one_is_sent() {
    let view = View::new()
        .html(|_: &giotto::ErrorPage, rendering: &giotto::view::Rendering| rendering.csrf_field());
    let app = App::new(Manifest::default()).error_page(404, view);
    let service = app.sessions(sessions()).into_service().unwrap();
    let reply = ask(&service, "GET", "/nowhere", &[("accept", "text/html")], "").await;
    assert_eq!((reply.status, reply.cookies().len()), (404, 0));
    assert!(reply.body.contains("Page not found"), "{}", reply.body);
}
