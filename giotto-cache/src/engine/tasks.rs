//! The background tasks of the engine, counted, so that a process can wait for them before it exits.
//!
//! Around step 5 of a lookup: each computation runs in such a task.

use tokio::sync::watch;

/// Counts the tasks that run. Cloning it shares the count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks(watch::Sender<usize>);

/// Counts as a task until it is dropped.
#[derive(Debug)]
pub(crate) struct Task(Tasks);

impl Tasks {
    pub(crate) fn begin(&self) -> Task {
        self.0.send_modify(|running| *running += 1);
        Task(self.clone())
    }

    /// Returns when no task runs.
    pub(crate) async fn ended(&self) {
        let mut running = self.0.subscribe();
        // This fails only when the last sender is dropped, and `self` is one.
        let _ = running.wait_for(|running| *running == 0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.0.send_modify(|running| *running -= 1);
    }
}
