//! Several calls at the same time.
//!
//! The last step of a lookup, where a store has several servers; and what goes through all that is in a store.

use std::future::poll_fn;
use std::task::Poll;

/// The answers to `calls`, in their order. All calls are made at the same time.
pub(crate) async fn together<F: Future>(calls: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut calls: Vec<_> = calls
        .into_iter()
        .map(|call| (Box::pin(call), None))
        .collect();
    poll_fn(|context| {
        for (call, answer) in calls.iter_mut().filter(|(_, answer)| answer.is_none()) {
            if let Poll::Ready(ready) = call.as_mut().poll(context) {
                *answer = Some(ready);
            }
        }
        match calls.iter().all(|(_, answer)| answer.is_some()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    calls.into_iter().filter_map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_go_out_together_and_their_answers_are_in_their_order() {
        let started = tokio::time::Instant::now();
        let calls = [30_u64, 10, 20].map(|after| async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            after
        });
        assert_eq!(together(calls).await, [30, 10, 20]);
        assert_eq!(started.elapsed(), Duration::from_millis(30));
    }
}
