//! A burst: 1,000 clients that connect at the same moment ask for one page that nobody has computed.
//!
//! The page takes half a second. All of them are to have it within 750 ms, from one run of its model.

use std::error::Error;
use std::time::{Duration, Instant};

use giotto::prelude::*;
use tokio::runtime::Handle;

use crate::client;
use crate::hot::{note_run, runs};
use crate::server::Server;

const CLIENTS: usize = 1_000;
const COMPUTING: Duration = Duration::from_millis(500);
const SLOWEST: Duration = Duration::from_millis(750);

#[derive(Serialize, Deserialize)]
struct Nothing {}

pub(crate) fn program() -> (&'static str, Program) {
    let compute = |Nothing {}: Nothing| async move {
        note_run()?;
        tokio::time::sleep(COMPUTING).await;
        Ok::<_, std::io::Error>(String::from("a cold page"))
    };
    let program = Program::new(compute)
        .controllers([HTTP_GET])
        .cache(3600)
        .view(View::new().html(String::clone));
    ("cold", program)
}

/// Prints a row; whether the promise was kept.
pub(crate) fn run(runtime: &Handle) -> Result<bool, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), "locmem")?;
    let address = server.address();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            runtime.spawn(async move {
                let began = Instant::now();
                let reply = client::ask(address, "GET", "/cold").await;
                let is_right =
                    reply.is_ok_and(|reply| reply.is_ok() && reply.body == "a cold page");
                (is_right, began.elapsed())
            })
        })
        .collect();
    let mut answers = Vec::new();
    for client in clients {
        answers.push(runtime.block_on(client)?);
    }
    let failed = answers.iter().filter(|(is_right, _)| !is_right).count();
    let mut times: Vec<_> = answers.into_iter().map(|(_, time)| time).collect();
    times.sort_unstable();
    let p99 = times[CLIENTS * 99 / 100];
    let runs = runs(folder.path()).len();
    let is_kept = failed == 0 && p99 <= SLOWEST && runs == 1;
    println!(
        "{CLIENTS} clients at once on a cold page of {COMPUTING:?}: p99 {:.0} ms, max {:.0} ms, {failed} failed, \
         {runs} runs  {}",
        p99.as_secs_f64() * 1e3,
        times[CLIENTS - 1].as_secs_f64() * 1e3,
        if is_kept { "kept" } else { "BROKEN" }
    );
    Ok(is_kept)
}
