//! The upload of a cover: a route of axum, because a program takes no files.

use axum::Extension;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, Path, State as RouteState};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use giotto::cache::Cache;
use giotto::{Error, Session};
use rusqlite::{OptionalExtension, params};

use crate::readers::ADMIN;
use crate::store::Library;

pub(crate) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS images (
        book INTEGER PRIMARY KEY REFERENCES books ON DELETE CASCADE, type TEXT NOT NULL, bytes BLOB NOT NULL
    );";

/// A cover goes into a page of the cache, which takes up to 1 MiB.
const LARGEST: usize = 512 << 10;

pub(crate) fn routes(library: Library) -> Router {
    Router::new()
        .route(
            "/admin/cover/{id}",
            post(upload).layer(DefaultBodyLimit::max(LARGEST + 4096)),
        )
        .with_state(library)
}

/// Takes the image in the field `cover` as the cover of a book.
async fn upload(
    RouteState(library): RouteState<Library>,
    Extension(session): Extension<Session>,
    Extension(cache): Extension<Cache>,
    Path(id): Path<u32>,
    mut form: Multipart,
) -> Result<Redirect, Refused> {
    if session.user().as_deref() != Some(ADMIN) {
        return Err(Refused(StatusCode::FORBIDDEN, "sign in as the admin first"));
    }
    let (mut is_own, mut image) = (false, None);
    while let Some(field) = form.next_field().await? {
        match field.name() {
            Some("csrf_token") => is_own = session.verify_csrf(&field.text().await?),
            Some("cover") => image = Some(field.bytes().await?),
            _ => {}
        }
    }
    if !is_own {
        return Err(Refused(StatusCode::FORBIDDEN, "open the form again"));
    }
    let image = image.filter(|image| image.len() <= LARGEST);
    let image = image.ok_or(Refused(
        StatusCode::PAYLOAD_TOO_LARGE,
        "send an image of up to 512 KiB",
    ))?;
    let media_type = media_type(&image).ok_or(Refused(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "send a PNG, JPEG or WebP",
    ))?;
    library
        .run(move |library| library.put_image(id, media_type, &image))
        .await?;
    cache
        .invalidate(format!("book:{id}"))
        .await
        .map_err(Error::from)?;
    Ok(Redirect::to(&format!("/book/{id}")))
}

/// What the first bytes say, whatever the browser calls it.
fn media_type(image: &[u8]) -> Option<&'static str> {
    match image {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => None,
    }
}

impl Library {
    fn put_image(&self, book: u32, media_type: &str, bytes: &[u8]) -> Result<(), Error> {
        self.existing(book)?;
        let sql = "INSERT OR REPLACE INTO images (book, type, bytes) VALUES (?1, ?2, ?3)";
        self.connection()?
            .execute(sql, params![book, media_type, bytes])?;
        Ok(())
    }

    /// The uploaded cover of a book, as an address that has the image in it.
    pub(crate) fn image(&self, book: u32) -> Result<Option<String>, Error> {
        let sql = "SELECT type, bytes FROM images WHERE book = ?1";
        let image = self.connection()?.query_row(sql, [book], |row| {
            let (media_type, bytes): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
            Ok(format!(
                "data:{media_type};base64,{}",
                STANDARD.encode(bytes)
            ))
        });
        Ok(image.optional()?)
    }
}

/// An upload that is refused: giotto's error page has the status, and these words.
struct Refused(StatusCode, &'static str);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl From<axum::extract::multipart::MultipartError> for Refused {
    fn from(error: axum::extract::multipart::MultipartError) -> Self {
        Self(error.status(), "send an image of up to 512 KiB")
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error.kind() {
            giotto::ErrorKind::NotFound => Self(StatusCode::NOT_FOUND, "there is no such book"),
            _ => Self(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the cover was not stored",
            ),
        }
    }
}
