//! Waits until a process that was sent SIGSTOP has stopped: the signal returns before its threads do.

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Returns when all threads of the process `id` have stopped, or when it is not there.
pub(crate) fn wait_until_stopped(id: &str) {
    let threads = PathBuf::from(format!("/proc/{id}/task"));
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(60) {
        let all = std::fs::read_dir(&threads).into_iter().flatten().flatten();
        let status = all.map(|thread| std::fs::read_to_string(thread.path().join("status")));
        if status
            .map(Result::unwrap_or_default)
            .all(|status| !runs(&status))
        {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("process {id} does not stop");
}

fn runs(status: &str) -> bool {
    let state = status.lines().find_map(|line| line.strip_prefix("State:"));
    // Stopped, or ended while its parent is stopped.
    state.is_some_and(|state| !state.trim().starts_with(['T', 'Z', 'X']))
}
