//! The library as its readers see it: what one writes all see, and what is one reader's nobody else does.
#![allow(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use giotto::cache::{Reason, Scope};
use giotto::prelude::*;
use giotto::testing::{Client, Reply, assert_hit, assert_miss};
use library::Settings;

const ADMIN_PASSWORD: &str = "the keys of the library";

/// A new library, and a service that clients share.
struct Library {
    service: giotto::Service,
    _folder: tempfile::TempDir,
}

impl Library {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            database: folder.path().join("library.db"),
            admin_password: Some(ADMIN_PASSWORD.to_owned()),
        };
        let app = library::app(&settings).unwrap();
        app.check().unwrap();
        let sessions = Sessions::new().keys(["a secret of at least 32 bytes, for tests"]);
        let app = app.cache(LocMemKeyValue::new()).sessions(sessions);
        Self {
            service: app.into_service().unwrap(),
            _folder: folder,
        }
    }

    fn visitor(&self) -> Client {
        Client::new(self.service.clone())
    }

    /// Somebody who has joined.
    async fn reader(&self, name: &str) -> Client {
        let mut client = self.visitor();
        let form = client.get("/join").await.form("/join?lang=en");
        let form = form.set("name", name).set("password", "a good password");
        assert_eq!(
            client.submit(&form).await.field("location"),
            Some("/loans?lang=en")
        );
        client
    }

    async fn admin(&self) -> Client {
        let mut client = self.visitor();
        let form = client.get("/sign-in").await.form("/sign-in?lang=en");
        let form = form.set("name", "admin").set("password", ADMIN_PASSWORD);
        assert_eq!(client.submit(&form).await.status(), 303);
        client
    }
}

/// Sends the form of a page that has no fields.
async fn confirm(client: &mut Client, page: &str) -> Reply {
    let form = client.get(page).await.form(&format!("{page}?lang=en"));
    client.submit(&form).await
}

#[tokio::test]
async fn books_are_found_by_words_of_title_and_author() {
    let library = Library::new();
    let mut visitor = library.visitor();
    let found: serde_json::Value = visitor
        .get("/books.json?q=RIVER+ibsen&sort=year")
        .await
        .json();
    let books = found["books"].as_array().unwrap();
    assert_eq!(found["total"], books.len());
    assert!(!books.is_empty());
    for book in books {
        assert!(book["title"].as_str().unwrap().contains("River"), "{book}");
        assert!(book["author"].as_str().unwrap().contains("Ibsen"), "{book}");
    }
    assert_eq!(visitor.get("/books?page=0").await.status(), 400);
    assert_eq!(visitor.get("/book/3001").await.status(), 404);
    assert!(
        visitor
            .get("/books.csv?limit=1")
            .await
            .text()
            .starts_with("id,title,author,")
    );
    assert!(
        visitor
            .get("/feed")
            .await
            .text()
            .contains("<id>http://localhost:5000/book/3000</id>")
    );
    assert_eq!(
        visitor.get("/cover/7").await.field("content-type"),
        Some("image/svg+xml")
    );
}

#[tokio::test]
async fn a_page_has_the_language_of_its_reader_and_a_key_of_its_own() {
    let library = Library::new();
    let mut english = library.visitor();
    let mut german = library.visitor().field("accept-language", "de-AT");
    assert!(english.get("/").await.text().contains("New on the shelves"));
    assert!(german.get("/").await.text().contains("Neu im Regal"));
    assert_hit!(english.get("/?lang=de").await);
    let page = german.get("/join").await;
    let reply = german
        .submit(
            &page
                .form("/join?lang=de")
                .set("name", "Ada")
                .set("password", "short"),
        )
        .await;
    assert_eq!(reply.status(), 400);
    assert!(
        reply
            .text()
            .contains("Ein Passwort hat mindestens 12 Zeichen")
    );
    assert_eq!(reply.form("/join?lang=de").value("name"), Some("Ada"));
}

#[tokio::test]
async fn a_review_is_on_the_page_at_once_for_everybody() {
    let library = Library::new();
    let (mut ada, mut bob) = (library.reader("Ada").await, library.visitor());
    for page in ["/", "/book/7", "/book/8"] {
        bob.get(page).await;
        assert_hit!(bob.get(page).await);
    }
    let form = ada.get("/review/7").await.form("/review/7?lang=en");
    let refused = ada
        .submit(&form.clone().set("stars", "4").clear("text"))
        .await;
    assert_eq!(refused.status(), 400);
    assert!(refused.text().contains("write 1 to 2,000 characters"));
    let reply = ada
        .submit(&form.set("stars", "4").set("text", "Fine, <b>really</b>."))
        .await;
    assert_eq!(reply.field("location"), Some("/book/7?lang=en"));
    let page = bob.get("/book/7").await;
    assert_miss!(page, Reason::Invalidated(Scope::Tag("book:7".to_owned())));
    assert!(page.text().contains("Fine, &lt;b&gt;really&lt;/b&gt;."));
    // The front page does not name the tag `reviews`: it has it from the function that it calls.
    let front = bob.get("/").await;
    assert_miss!(front, Reason::Invalidated(Scope::Tag("reviews".to_owned())));
    assert!(front.text().contains("What readers like best"));
    assert_hit!(bob.get("/book/8").await);
}

#[tokio::test]
async fn the_loans_of_a_reader_are_never_those_of_another() {
    let library = Library::new();
    let (mut ada, mut bob) = (library.reader("Ada").await, library.reader("Bob").await);
    assert_eq!(
        confirm(&mut ada, "/borrow/7").await.field("location"),
        Some("/loans?lang=en")
    );
    for _ in 0..2 {
        let own = ada.get("/loans").await;
        assert!(own.text().contains("Reader Ada") && own.text().contains("/give-back/7"));
        assert_eq!(own.field("cache-control"), Some("private, no-store"));
        let other = bob.get("/loans?reader=Ada").await;
        assert!(other.text().contains("Reader Bob") && !other.text().contains("Ada"));
    }
    assert_hit!(ada.get("/loans").await);
    let stranger = library.visitor().get("/loans").await;
    assert_eq!(stranger.field("location"), Some("/sign-in?next=/loans"));
    assert_eq!(confirm(&mut ada, "/sign-out").await.status(), 303);
    assert_eq!(ada.get("/loans").await.status(), 302);
}

#[tokio::test]
async fn the_last_copy_goes_to_one_reader_only() {
    let library = Library::new();
    let mut visitor = library.visitor();
    let copies: serde_json::Value = visitor.get("/book.json/7").await.json();
    let copies = copies["copies"].as_u64().unwrap();
    let mut readers = Vec::new();
    for number in 0..=copies {
        readers.push(library.reader(&format!("Reader {number}")).await);
    }
    let mut lent = Vec::new();
    for mut reader in readers {
        lent.push(tokio::spawn(async move {
            confirm(&mut reader, "/borrow/7").await.status()
        }));
    }
    let mut statuses = Vec::new();
    for reply in lent {
        statuses.push(reply.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses.pop(), Some(400));
    assert!(statuses.iter().all(|status| *status == 303), "{statuses:?}");
    assert!(
        visitor
            .get("/book/7")
            .await
            .text()
            .contains(&format!("0 of {copies}"))
    );
}

#[tokio::test]
async fn the_admin_changes_books_and_nobody_else_does() {
    let library = Library::new();
    let (mut admin, mut ada) = (library.admin().await, library.reader("Ada").await);
    assert_eq!(ada.get("/admin").await.status(), 403);
    assert_eq!(ada.get("/admin/edit/7").await.status(), 403);
    let mut visitor = library.visitor();
    visitor.get("/book/7").await;
    let form = admin
        .get("/admin/edit/7")
        .await
        .form("/admin/edit/7?lang=en");
    let reply = admin
        .submit(
            &form
                .set("title", "Another Title")
                .set("author", "Émile Nobody"),
        )
        .await;
    assert_eq!(reply.field("location"), Some("/book/7?lang=en"));
    assert!(
        visitor
            .get("/book/7")
            .await
            .text()
            .contains("Another Title")
    );
    assert!(
        visitor
            .get("/books?q=émile")
            .await
            .text()
            .contains("Another Title")
    );
    let page = admin.get("/admin/edit/7").await;
    admin.submit(&page.form("/admin/delete/7?lang=en")).await;
    assert!(
        admin
            .get("/admin")
            .await
            .text()
            .contains("“Another Title” is removed.")
    );
    assert!(!admin.get("/admin").await.text().contains("is removed"));
    assert_eq!(visitor.get("/book/7").await.status(), 404);
}

#[tokio::test]
async fn an_uploaded_cover_takes_the_place_of_the_drawn_one() {
    let library = Library::new();
    let (mut admin, mut visitor) = (library.admin().await, library.visitor());
    assert!(!visitor.get("/cover/7").await.text().contains("<image"));
    let page = admin.get("/admin/edit/7").await;
    let form = |content: Vec<u8>| {
        page.form("/admin/cover/7")
            .attach("cover", "cover.png", content)
    };
    let image = b"\x89PNG\r\n\x1a\n".to_vec();
    assert_eq!(
        admin
            .submit(&form(b"<svg onload='alert(1)'>".to_vec()))
            .await
            .status(),
        415
    );
    assert_eq!(admin.submit(&form(vec![0; 600 << 10])).await.status(), 413);
    assert_eq!(visitor.submit(&form(image.clone())).await.status(), 403);
    assert!(!visitor.get("/cover/7").await.text().contains("<image"));
    assert_eq!(
        admin.submit(&form(image)).await.field("location"),
        Some("/book/7")
    );
    assert!(
        visitor
            .get("/cover/7")
            .await
            .text()
            .contains("data:image/png;base64,iVBORw0KGgo=")
    );
}
