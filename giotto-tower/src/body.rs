//! The body of a response of the layer: stored bytes, a body that is read by the cache at the same time, or one that is
//! passed through.
//!
//! The last step of a request: the server polls it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;

pub use crate::tee::BoxError;
use crate::tee::Teed;

pin_project! {
    /// The body of a response: stored bytes, or the body `B` of the service behind.
    ///
    /// An error of `B` is passed on as it is, also where the cache reads the body at the same time.
    pub struct Body<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjection]
    enum Kind<B> {
        Stored { bytes: Bytes },
        Teed { teed: Teed<B> },
        Passed { #[pin] body: B },
    }
}

impl<B> Body<B> {
    /// No bytes.
    pub(crate) const fn empty() -> Self {
        Self::stored(Bytes::new())
    }

    pub(crate) const fn stored(bytes: Bytes) -> Self {
        Self {
            kind: Kind::Stored { bytes },
        }
    }

    /// The length of stored bytes.
    pub(crate) const fn length(&self) -> usize {
        match &self.kind {
            Kind::Stored { bytes } => bytes.len(),
            _ => 0,
        }
    }

    pub(crate) const fn teed(teed: Teed<B>) -> Self {
        Self {
            kind: Kind::Teed { teed },
        }
    }

    pub(crate) const fn passed(body: B) -> Self {
        Self {
            kind: Kind::Passed { body },
        }
    }
}

impl<B> http_body::Body for Body<B>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().kind.project() {
            KindProjection::Stored { bytes } => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            KindProjection::Teed { teed } => teed.poll_frame(context),
            KindProjection::Passed { body } => {
                let frame = ready!(body.poll_frame(context));
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Stored { bytes } => bytes.is_empty(),
            Kind::Teed { teed } => teed.is_end_stream(),
            Kind::Passed { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Stored { bytes } => SizeHint::with_exact(bytes.len() as u64),
            Kind::Teed { teed } => teed.size_hint(),
            Kind::Passed { body } => body.size_hint(),
        }
    }
}

impl<B> fmt::Debug for Body<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, length) = match &self.kind {
            Kind::Stored { bytes } => ("Stored", Some(bytes.len())),
            Kind::Teed { .. } => ("Teed", None),
            Kind::Passed { .. } => ("Passed", None),
        };
        f.debug_struct(name).field("length", &length).finish()
    }
}
