//! All servers are restarted, one after the other, and no client notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::scene::{Result, Scene, ensure};

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
    let (stop, asked, failed) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let load = {
        let (stop, asked, failed) = (Arc::clone(&stop), Arc::clone(&asked), Arc::clone(&failed));
        let client = scene.client(0);
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                asked.fetch_add(1, Ordering::Relaxed);
                failed.fetch_add(usize::from(!client("/price?sku=apple")), Ordering::Relaxed);
            }
        })
    };
    // Found: the processes that run.
    let old: Vec<_> = (0..scene.count())
        .map(|number| scene.process(number))
        .collect();
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
    stop.store(true, Ordering::Relaxed);
    load.join().expect("a client does not panic");
    let (asked, failed) = (
        asked.load(Ordering::Relaxed),
        failed.load(Ordering::Relaxed),
    );
    ensure(
        failed == 0 && asked > 0,
        format!("{failed} of {asked} requests failed"),
    )?;
    let said = scene.cmd("mgt/cache/stats")?;
    ensure(
        !old.iter()
            .any(|process| said.text.contains(&process.to_string())),
        "an old server runs",
    )
}
