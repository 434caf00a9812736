//! The routes of axum, with the shelf that the programs have.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tower_http::services::ServeDir;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

use crate::shelf::Shelf;

/// The folder of the uploads, in the working folder.
const COVERS: &str = "covers";
const MAX_UPLOAD: usize = 10 << 20;

pub(crate) fn routes(shelf: Shelf) -> Router {
    let covers = Arc::new(AtomicUsize::new(0));
    let uploads = post(|form| upload(form, covers)).layer(DefaultBodyLimit::max(MAX_UPLOAD));
    let sessions = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
    Router::new()
        .route("/health", get(health))
        .route("/covers", uploads)
        .nest_service("/covers/", ServeDir::new(COVERS))
        .route("/visits", get(visits).layer(sessions))
        .with_state(shelf)
}

async fn health(State(shelf): State<Shelf>) -> String {
    format!("healthy, {} books\n", shelf.books().len())
}

/// Counts the visits of each visitor.
async fn visits(session: Session) -> Result<String, StatusCode> {
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let visits = session.get::<u32>("visits").await.map_err(failed)?;
    let visits = visits.unwrap_or_default() + 1;
    session.insert("visits", visits).await.map_err(failed)?;
    Ok(format!("visit {visits}\n"))
}

/// Stores a file as it arrives. Its name is a number: that of a client could be anything.
async fn upload(mut form: Multipart, covers: Arc<AtomicUsize>) -> Result<String, Refused> {
    while let Some(field) = form.next_field().await? {
        if field.name() == Some("cover") {
            let number = covers.fetch_add(1, Ordering::Relaxed) + 1;
            store(field, number).await?;
            return Ok(format!("/covers/{number}\n"));
        }
    }
    Err(Refused::Missing)
}

async fn store(mut field: Field<'_>, number: usize) -> Result<(), Refused> {
    tokio::fs::create_dir_all(COVERS).await?;
    let mut file = File::create(Path::new(COVERS).join(number.to_string())).await?;
    while let Some(chunk) = field.chunk().await? {
        file.write_all(&chunk).await?;
    }
    Ok(file.flush().await?)
}

/// Why an upload is not stored.
#[derive(Debug)]
enum Refused {
    Missing,
    Form(MultipartError),
    Disk(io::Error),
}

impl From<MultipartError> for Refused {
    fn from(error: MultipartError) -> Self {
        Self::Form(error)
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Missing => (StatusCode::BAD_REQUEST, "send the file as cover\n").into_response(),
            Self::Form(error) => error.into_response(),
            Self::Disk(error) => {
                // The lines of giotto::run are those of tracing.
                tracing::error!(%error, "upload failed");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}
