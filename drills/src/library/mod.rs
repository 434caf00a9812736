//! The example `library` while its processes and its Redis are killed: three processes, 50 readers, five writers.
//!
//! `drills library [SECONDS]`, each of two caches for so long, ten minutes if nothing is said: Redis alone, and memory in front
//! of it. Meanwhile one process or Redis is killed by SIGKILL every few seconds and started again, Redis once empty and
//! once with what it had. An oracle knows what each answered write has made of a page: a request that begins afterwards must
//! show it, whichever process answers. Each reader has a session, and text of its own that no one else may be shown.

mod browser;
mod disaster;
mod draw;
mod oracle;
mod reader;
mod scene;
mod site;
mod tally;
mod writer;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use scene::{REVIEWERS, Scene};
use site::Site;
use tally::Tally;

const READERS: u32 = 50;
const SECONDS: u64 = 600;

/// Plays both scenes, and prints a table; whether every promise was kept.
pub(crate) fn run(runtime: &Handle, words: &[String]) -> Result<bool, Box<dyn Error>> {
    let seconds = match words.first() {
        Some(word) => word.parse()?,
        None => SECONDS,
    };
    site::build()?;
    println!("{}", tally::HEAD);
    let mut all_kept = true;
    for (name, is_layered) in [("redis", false), ("locmem, redis", true)] {
        let tally = runtime.block_on(play(is_layered, Duration::from_secs(seconds)))?;
        println!("{}", tally.row(name));
        tally
            .details()
            .iter()
            .for_each(|line| println!("    {line}"));
        all_kept &= tally.is_kept();
    }
    Ok(all_kept)
}

async fn play(is_layered: bool, duration: Duration) -> Result<Arc<Tally>, Box<dyn Error>> {
    let scene = Scene {
        site: Arc::new(Site::start(is_layered)?),
        oracle: Arc::default(),
        tally: Arc::default(),
        is_over: Arc::default(),
    };
    let mut people = JoinSet::new();
    for number in 0..READERS {
        people.spawn(reader::reads(scene.clone(), number));
    }
    for number in 0..REVIEWERS {
        people.spawn(writer::reviews(scene.clone(), number));
    }
    people.spawn(writer::administers(scene.clone()));
    scene
        .tally
        .until_all_have_joined(READERS + REVIEWERS + 1)
        .await;
    let end = Instant::now() + duration;
    let disasters = scene.clone();
    tokio::task::spawn_blocking(move || disaster::strike(&disasters.site, &disasters.tally, end))
        .await?;
    scene.is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = people.join_next().await {
        ended?;
    }
    Ok(scene.tally)
}
