//! All servers are restarted, one after the other, and no client notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use super::said::{Result, ensure};
use super::scene::Scene;

/// A client that asks all the time, each time on a new connection.
struct Client {
    stop: Arc<AtomicBool>,
    failed: Arc<AtomicUsize>,
    asking: JoinHandle<usize>,
}

impl Client {
    fn start(ask: impl Fn(&str) -> bool + Send + 'static) -> Self {
        let (stop, failed) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (stopped, failures) = (Arc::clone(&stop), Arc::clone(&failed));
        let asking = std::thread::spawn(move || {
            let mut asked = 0;
            while !stopped.load(Ordering::Relaxed) {
                asked += 1;
                failures.fetch_add(usize::from(!ask("/price?sku=apple")), Ordering::Relaxed);
            }
            asked
        });
        Self {
            stop,
            failed,
            asking,
        }
    }

    /// How many requests there were, and how many of them failed.
    fn stop(self) -> (usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        let asked = self.asking.join().expect("a client does not panic");
        (asked, self.failed.load(Ordering::Relaxed))
    }
}

pub(crate) fn play(scene: &Scene) -> Result<()> {
    let port = test_servers::free_port().to_string();
    let shared = [
        ("GIOTTO_HTTP_REUSE_PORT", "true"),
        ("GIOTTO_HTTP_PORT", &*port),
        ("GIOTTO_HTTP_LAME_DUCK_SECONDS", "1"),
    ];
    for number in 0..scene.count() {
        scene.restart(number, &shared)?;
    }
    let client = Client::start(scene.client(0));
    // Found: the processes that run.
    let processes = (0..scene.count()).map(|number| scene.process(number));
    let old: Vec<_> = processes.collect();
    let said = scene.cmd("mgt/cache/stats")?;
    for process in &old {
        said.has(&[&process.to_string()])?;
    }
    // Ended: the new server listens on the same port, and then the old one drains.
    for process in &old {
        scene.start_server(&shared)?;
        scene
            .cmd(&format!("mgt/drain process={process} --yes"))?
            .is_done()?;
        scene.await_end(*process);
    }
    let (asked, failed) = client.stop();
    ensure(
        failed == 0 && asked > 0,
        format!("{failed} of {asked} requests failed"),
    )?;
    let said = scene.cmd("mgt/cache/stats")?;
    let runs = |process: &u32| said.text.contains(&process.to_string());
    ensure(!old.iter().any(runs), "an old server runs")
}
