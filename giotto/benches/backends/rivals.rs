//! What one would write by hand for this one page on axum, with the bare client of each server.

use std::io;

use axum::Router;
use axum::extract::{Query, State};
use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use http::StatusCode;
use memcache::exp::{AsyncMemcache, Ttl};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use sqlx::PgPool;

use crate::common::page::{Squared, fields, serve, serve_axum};

const SECONDS: u32 = 3600;

/// One connection, shared by all requests: what the crate `redis` recommends.
pub(crate) fn redis(url: &str) -> io::Result<()> {
    serve(async |listener| {
        let client = redis::Client::open(url).map_err(io::Error::other)?;
        let connection = client.get_multiplexed_async_connection().await;
        let connection = connection.map_err(io::Error::other)?;
        serve_axum(listener, router(from_redis, connection)).await
    })
}

async fn from_redis(
    State(mut connection): State<MultiplexedConnection>,
    Query(asked): Query<Squared>,
) -> Result<impl IntoResponse, StatusCode> {
    let key = format!("squared:{}", asked.x);
    let found: Option<Vec<u8>> = connection.get(&key).await.map_err(failed)?;
    let page = match found {
        Some(page) => Bytes::from(page),
        None => {
            let page = asked.page()?;
            let set = connection.set_ex(&key, &page[..], SECONDS.into()).await;
            let () = set.map_err(failed)?;
            page
        }
    };
    Ok((fields(), page))
}

/// The pool of connections of the crate `memcache`.
pub(crate) fn memcache(host: &str) -> io::Result<()> {
    serve(async |listener| {
        let pool = AsyncMemcache::connect([host]).await;
        let pool = pool.map_err(io::Error::other)?;
        serve_axum(listener, router(from_memcache, pool)).await
    })
}

async fn from_memcache(
    State(pool): State<AsyncMemcache>,
    Query(asked): Query<Squared>,
) -> Result<impl IntoResponse, StatusCode> {
    let key = format!("squared:{}", asked.x);
    let found: Option<Vec<u8>> = pool.get(&key).await.map_err(failed)?;
    let page = match found {
        Some(page) => Bytes::from(page),
        None => {
            let page = asked.page()?;
            let set = pool.set(&key, &page[..], Ttl::secs(SECONDS)).await;
            set.map_err(failed)?;
            page
        }
    };
    Ok((fields(), page))
}

/// The pool of connections of the crate `sqlx`.
pub(crate) fn postgres(url: &str) -> io::Result<()> {
    const CREATE: &str = "CREATE TABLE IF NOT EXISTS pages \
        (key text PRIMARY KEY, page bytea NOT NULL, expires timestamptz NOT NULL)";
    serve(async |listener| {
        let pool = PgPool::connect(url).await.map_err(io::Error::other)?;
        let created = sqlx::query(CREATE).execute(&pool).await;
        created.map_err(io::Error::other)?;
        serve_axum(listener, router(from_postgres, pool)).await
    })
}

async fn from_postgres(
    State(pool): State<PgPool>,
    Query(asked): Query<Squared>,
) -> Result<impl IntoResponse, StatusCode> {
    const GET: &str = "SELECT page FROM pages WHERE key = $1 AND expires > now()";
    const SET: &str = "INSERT INTO pages VALUES ($1, $2, now() + interval '1 hour') \
        ON CONFLICT (key) DO UPDATE SET page = excluded.page, expires = excluded.expires";
    let key = format!("squared:{}", asked.x);
    let found: Option<Vec<u8>> = sqlx::query_scalar(GET)
        .bind(&key)
        .fetch_optional(&pool)
        .await
        .map_err(failed)?;
    let page = match found {
        Some(page) => Bytes::from(page),
        None => {
            let page = asked.page()?;
            let set = sqlx::query(SET).bind(&key).bind(&page[..]);
            set.execute(&pool).await.map_err(failed)?;
            page
        }
    };
    Ok((fields(), page))
}

fn router<H, T, S>(squared: H, state: S) -> Router
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    Router::new()
        .route("/squared", get(squared))
        .with_state(state)
}

fn failed(_: impl std::error::Error) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}
