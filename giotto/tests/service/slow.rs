//! Clients that send a body slowly, in a time that passes by itself.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use giotto::prelude::*;
use http_body::Frame;
use tokio::time::{Instant, Sleep};
use tower_service::Service as _;

use crate::{X, service};

/// A body of pieces, each sent so long after the one before.
struct Slow {
    pieces: Vec<(Duration, usize)>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl http_body::Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some((pause, bytes)) = self.pieces.first().copied() else {
            return Poll::Ready(None);
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
        std::task::ready!(timer.as_mut().poll(context));
        self.timer = None;
        self.pieces.remove(0);
        let piece = Bytes::from(vec![b'&'; bytes]);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_arrives_too_slowly_is_refused_whatever_has_arrived() {
    let submit = Program::new(|X { x }: X| x).view(BasicView::new());
    let manifest = Manifest::default().with("submit", submit);
    let service = service(App::new(manifest));
    let ms = Duration::from_millis;
    let steady = |bytes: usize| vec![(ms(1_000), bytes); 60];
    // The seconds after which it is refused.
    for (pieces, refused_after) in [
        (steady(1_024), None),
        (steady(512), Some(10)),
        (vec![(ms(11_000), 1)], Some(10)),
        (vec![(ms(9_000), 100), (ms(2_000), 100)], Some(10)),
        (vec![(ms(9_000), 100)], None),
        // A good start buys no time.
        ([vec![(ms(0), 1 << 19)], steady(1)].concat(), Some(10)),
        ([steady(1_024), steady(512)].concat(), Some(66)),
    ] {
        let started = Instant::now();
        let shown = format!("{:?}", pieces.first());
        let body = Slow {
            pieces,
            timer: None,
        };
        let request = http::Request::post("/submit?x=1").body(body).unwrap();
        let response = service.clone().call(request).await.unwrap();
        match refused_after {
            None => assert_eq!(response.status(), 200, "{shown}"),
            Some(seconds) => {
                assert_eq!(response.status(), 408, "{shown}");
                assert_eq!(started.elapsed().as_secs(), seconds, "{shown}");
            }
        }
    }
}
