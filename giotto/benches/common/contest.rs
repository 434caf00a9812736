//! Servers that take turns under the same load, and the medians of what it cost them.

use std::error::Error;
use std::time::Duration;

use super::load::{self, Cost, SQUARED};
use super::process::{Cores, Server};

/// Many short turns rather than few long ones, so that what else the machine does meets all of them.
pub(crate) const ROUNDS: usize = 31;
pub(crate) const ROUND: Duration = Duration::from_millis(300);

/// A server to be measured: its name, and the arguments under which this executable becomes it.
pub(crate) struct Rival {
    pub(crate) name: &'static str,
    pub(crate) arguments: Vec<String>,
    pub(crate) request: &'static [u8],
}

impl Rival {
    pub(crate) fn new(name: &'static str, arguments: &[&str]) -> Self {
        Self {
            name,
            arguments: arguments.iter().copied().map(String::from).collect(),
            request: SQUARED,
        }
    }
}

/// The length of each rival's hit.
pub(crate) type Lengths = Result<Vec<usize>, Box<dyn Error>>;

/// The costs of every rival, round by round. `lengths` are those of their hits.
pub(crate) fn measure<const N: usize>(
    cores: &Cores,
    rivals: &[Rival; N],
    lengths: fn(&[Rival], &[Server]) -> Lengths,
) -> Result<[Vec<Cost>; N], Box<dyn Error>> {
    let mut servers = Vec::new();
    for rival in rivals {
        servers.push(Server::start(&cores.server(), &rival.arguments)?);
    }
    let lengths = lengths(rivals, &servers)?;
    let mut costs = [const { Vec::new() }; N];
    for round in 0..=ROUNDS {
        // Another one begins each time, so that nobody always comes after the same neighbour.
        for turn in 0..N {
            let which = (round + turn) % N;
            let cost = load::round(
                &servers[which],
                rivals[which].request,
                ROUND,
                lengths[which],
            )
            .map_err(|error| format!("{}: {error}", rivals[which].name))?;
            if round > 0 {
                costs[which].push(cost);
            }
        }
    }
    servers.into_iter().try_for_each(Server::stop)?;
    Ok(costs)
}

/// The length of a hit; an error unless all servers answer it with the same bytes, but for what the clock changes.
pub(crate) fn equal(rivals: &[Rival], servers: &[Server]) -> Lengths {
    let mut first: Option<(usize, String)> = None;
    for (rival, server) in rivals.iter().zip(servers) {
        let hit = load::hit(server, rival.request)?;
        let expected = first.get_or_insert_with(|| hit.clone());
        if hit != *expected {
            let ((_, hit), (_, expected)) = (hit, expected);
            let message = format!(
                "{} answers\n{hit}\nwhich differs from\n{expected}",
                rival.name
            );
            return Err(message.into());
        }
    }
    Ok(vec![first.ok_or("no rivals")?.0; rivals.len()])
}

pub(crate) fn median(costs: &[Cost], figure: fn(&Cost) -> f64) -> f64 {
    middle(costs.iter().map(figure).collect())
}

/// The median of the rounds' ratios: what slows a whole round down does not count.
pub(crate) fn ratio(costs: &[Cost], to: &[Cost], figure: fn(&Cost) -> f64) -> f64 {
    let rounds = costs.iter().zip(to);
    middle(rounds.map(|(cost, to)| figure(cost) / figure(to)).collect())
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

pub(crate) fn verdict(kept: bool) -> &'static str {
    if kept { "kept" } else { "BROKEN" }
}
