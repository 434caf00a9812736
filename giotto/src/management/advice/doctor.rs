//! `cache/doctor`: what is wrong with the cache of this application.
//!
//! Runs no model. It writes one small value into each store, and deletes it again.

use std::fmt;

use giotto_cache::{KeyValue, Place};
use serde::Serialize;

use super::finding::Finding;
use super::programs;
use super::store::{Examined, examine};
use crate::app::App;
use crate::error::{Error, Result};
use crate::management::model::{Nothing, shown};
use crate::management::operator::Operator;
use crate::management::process::figures::{Figures, Wanted};
use crate::management::servers::Asked;
use crate::management::text::{columns, count};
use crate::program::Program;
use crate::socket::PATIENCE;

pub(in crate::management) fn program() -> Program {
    Program::new(doctor)
        .description(
            "Checks the cache: its programs, its store, clocks and rights\n\n\
             It writes one small value into each store, and deletes it again. If something is wrong, the exit code is 1, and \
             over HTTP the status is 500; both come with the report.",
        )
        .view(shown().fails_by(Report::failure))
}

#[derive(Serialize)]
struct Report {
    /// What was checked of each store.
    checked: Vec<(String, String)>,
    findings: Vec<Finding>,
}

async fn doctor(_: Nothing, operator: Operator) -> Result<Report> {
    let app = &operator.app;
    let mut report = Report {
        checked: vec![("programs".to_owned(), "cache, time, limits".to_owned())],
        findings: programs::without_cache(app).into_iter().collect(),
    };
    report.findings.extend(memories(&operator).await?);
    let unlimited = programs::unlimited(app);
    for store in layers(app) {
        let examined = examine(app.shared_cache(), store, &unlimited).await;
        let examined = match store.place() {
            Place::InProcess => examined,
            _ => examined.with_rights(store).await,
        };
        report.add(examined);
    }
    Ok(report)
}

/// Several servers of this machine whose cache is the memory of each.
async fn memories(operator: &Operator) -> Result<Option<Finding>> {
    if !operator.has_own_memory() {
        return Ok(None);
    }
    let asked = operator.ask("process/figures", &Wanted::NOTHING, PATIENCE);
    let asked: Asked<Figures> = asked.await?;
    let servers = asked.told().processes.len();
    Ok((servers > 1).then(|| {
        Finding::new(
            "memory-of-each",
            format!("{servers} servers of this application run here, and the cache of each is its own memory"),
            "each computes every page, and shows the old one after another has invalidated it",
            "put a store behind the memory that they share, for example cache = [\"locmem\", \"redis\"], or run one server",
        )
    }))
}

/// Logs what is wrong with the store of a server that has just started, in the background.
pub(crate) fn tell_at_start(app: App) {
    tokio::spawn(async move {
        let unlimited = programs::unlimited(&app);
        for store in layers(&app) {
            if store.place() == Place::InProcess {
                continue;
            }
            let examined = examine(app.shared_cache(), store, &unlimited).await;
            let examined = examined.with_rights_if_measured(store).await;
            examined.findings.iter().for_each(Finding::tell);
        }
    });
}

/// The layers of the store that keep something.
fn layers(app: &App) -> Vec<&dyn KeyValue> {
    let store = app.shared_cache().store();
    let mut layers = store.layers();
    if layers.is_empty() {
        layers.push(store);
    }
    layers.retain(|layer| layer.place() != Place::Nowhere);
    layers
}

impl Report {
    fn add(&mut self, examined: Examined) {
        let Examined {
            name,
            checked,
            findings,
            ..
        } = examined;
        self.checked.push((name, checked));
        self.findings.extend(findings);
    }

    fn failure(&self) -> Option<Error> {
        let findings = self.findings.len() as u64;
        (findings > 0).then(|| {
            let findings = count(findings, "finding");
            Error::other(format!("{findings}, see above"))
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checked = self.checked.iter();
        let checked = checked.map(|(what, checked)| ("checked", format!("{what}: {checked}")));
        let findings = self.findings.iter().flat_map(Finding::lines);
        let sound = self.findings.is_empty();
        let sound = sound.then(|| ("sound", "nothing is wrong".to_owned()));
        f.write_str(&columns(checked.chain(findings).chain(sound)))
    }
}
