//! Those who change what everybody reads: reviewers, and the admin, who edits and adds books.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::browser::Browser;
use super::draw::Draw;
use super::oracle::{Fact, Written};
use super::scene::{REVIEWERS, Scene};
use super::site::{ADMIN_PASSWORD, PROCESSES};

/// The books that are reviewed, each by one reviewer, and those that are edited.
pub(super) const REVIEWED: Range<u32> = 2_000..2_040;
pub(super) const EDITED: Range<u32> = 2_100..2_110;
/// The book that was added last.
pub(super) const ADDED: Fact = Fact('A', 0);

/// Between two writes of one.
const EVERY: Duration = Duration::from_millis(250);

/// Writes reviews until the scene is over.
pub(super) async fn reviews(scene: Scene, reviewer: u32) {
    let mut draw = Draw::new(1_000 + reviewer);
    // A review shows its author's name to all.
    let name = format!("reviewer {reviewer}");
    let mut browser = Browser::new(scene.clone(), name.clone());
    browser.joins(reviewer as usize % PROCESSES, &name).await;
    scene.tally.joined();
    for number in 1.. {
        if scene.is_over() {
            return;
        }
        let step = REVIEWERS;
        let own = (REVIEWED.end - REVIEWED.start) / step;
        let fact = Fact('R', REVIEWED.start + reviewer + step * draw.below(own));
        let process = draw.below(PROCESSES as u32) as usize;
        let (path, text) = (format!("/review/{}", fact.1), fact.text(number));
        let fields = [("stars", "4"), ("text", &*text)];
        if browser.fills(process, &path, &fields).await.is_some() {
            note(&scene, fact, number, process);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Edits titles and adds books until the scene is over.
pub(super) async fn administers(scene: Scene) {
    let mut draw = Draw::new(2_000);
    let mut browser = Browser::new(scene.clone(), "admin".to_owned());
    let fields = [("name", "admin"), ("password", ADMIN_PASSWORD)];
    browser.fills(0, "/sign-in", &fields).await;
    scene.tally.joined();
    for number in 1.. {
        if scene.is_over() {
            return;
        }
        let process = draw.below(PROCESSES as u32) as usize;
        let (fact, path) = match number % 4 {
            0 => (ADDED, "/admin/add".to_owned()),
            _ => {
                let book = EDITED.start + draw.below(EDITED.end - EDITED.start);
                (Fact('T', book), format!("/admin/edit/{book}"))
            }
        };
        let title = fact.text(number);
        let fields = [
            ("title", &*title),
            ("author", "A. Drill"),
            ("year", "1999"),
            ("subject", "history"),
            ("pages", "100"),
            ("copies", "3"),
            ("summary", "A book of the drill."),
        ];
        if browser.fills(process, &path, &fields).await.is_some() {
            note(&scene, fact, number, process);
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn note(scene: &Scene, fact: Fact, number: u64, process: usize) {
    let at = Instant::now();
    scene.oracle.note(
        fact,
        Written {
            number,
            process,
            at,
        },
    );
}
