//! Waits until a process that was sent SIGSTOP has stopped: the signal returns before its threads do.

use std::path::PathBuf;

use crate::until::wait_until;

/// Returns when all threads of the process `id` have stopped, or when it is not there.
pub(crate) fn wait_until_stopped(id: &str) {
    let threads = PathBuf::from(format!("/proc/{id}/task"));
    wait_until(&format!("process {id} stops"), || {
        let all = std::fs::read_dir(&threads).into_iter().flatten().flatten();
        let status = all.map(|thread| std::fs::read_to_string(thread.path().join("status")));
        status
            .map(Result::unwrap_or_default)
            .all(|status| !runs(&status))
    });
}

fn runs(status: &str) -> bool {
    let state = status.lines().find_map(|line| line.strip_prefix("State:"));
    // Stopped, or ended while its parent is stopped.
    state.is_some_and(|state| !state.trim().starts_with(['T', 'Z', 'X']))
}
