//! A time limit that a standstill of this process does not use up.
//!
//! Around every call to a store outside this process: steps 2 and 5 of a lookup.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// The output of `call`, or `None` once it has taken longer than `limit`.
///
/// When this process stood still meanwhile, on a busy host for example, the answer may have come in time and only not
/// been read: then it is looked for once more, after those who read have had their turn.
pub(crate) async fn in_time<F: Future>(limit: Duration, call: F) -> Option<F::Output> {
    let mut call = pin!(call);
    if let Ok(output) = tokio::time::timeout(limit, call.as_mut()).await {
        return Some(output);
    }
    tokio::task::yield_now().await;
    std::future::poll_fn(|context| match call.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::io::Write;
    use std::net::TcpListener;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_given_up_at_the_limit() {
        let started = tokio::time::Instant::now();
        assert_eq!(in_time(LIMIT, pending::<()>()).await, None);
        let waited = started.elapsed();
        assert!(waited < LIMIT + Duration::from_millis(2), "{waited:?}");
    }

    /// The process stands still for longer than the limit with the answer in its socket.
    #[tokio::test]
    async fn an_answer_that_came_during_a_standstill_is_not_late() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let (answer, answered) = oneshot::channel();
        tokio::spawn(async move {
            let mut byte = [0];
            stream.read_exact(&mut byte).await.unwrap();
            answer.send(byte).unwrap();
        });
        // It has begun to read.
        tokio::task::yield_now().await;
        let standstill = async {
            server.write_all(b"1").unwrap();
            std::thread::sleep(2 * LIMIT);
            pending::<()>().await;
        };
        tokio::select! {
            biased;
            answer = in_time(LIMIT, answered) => assert_eq!(answer, Some(Ok(*b"1"))),
            () = standstill => {}
        }
    }
}
