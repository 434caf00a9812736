//! What a renderer may return.
//!
//! Step 6 of an invocation, skipped on a hit.

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::response::{MaySetCookies, Response};

/// What a renderer may return: text or bytes, or a [`Response`] or `Result` of them. An application may implement this trait
/// for other types.
pub trait IntoResponse {
    /// Whether it may set cookies, so that a program with a cache is refused when the application starts.
    const SETS_COOKIES: bool = false;

    /// The bytes, or why there are none.
    fn into_response(self) -> Result<Response<Bytes>>;
}

impl IntoResponse for String {
    fn into_response(self) -> Result<Response<Bytes>> {
        Ok(self.into())
    }
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Result<Response<Bytes>> {
        Ok(self.into())
    }
}

impl IntoResponse for Vec<u8> {
    fn into_response(self) -> Result<Response<Bytes>> {
        Ok(self.into())
    }
}

impl IntoResponse for Bytes {
    fn into_response(self) -> Result<Response<Bytes>> {
        Ok(self.into())
    }
}

impl<B: Into<Bytes>, C: MaySetCookies> IntoResponse for Response<B, C> {
    const SETS_COOKIES: bool = C::SETS_COOKIES;

    fn into_response(self) -> Result<Response<Bytes>> {
        Ok(self.checked()?.map(Into::into))
    }
}

impl<B: IntoResponse, E: Into<Error>> IntoResponse for Result<B, E> {
    const SETS_COOKIES: bool = B::SETS_COOKIES;

    fn into_response(self) -> Result<Response<Bytes>> {
        self.map_err(Into::into)?.into_response()
    }
}
