//! The report on routes: the model, and the table that it becomes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use giotto::prelude::*;

use crate::data::{Origin, for_each_flight, names};
use crate::numbers::{check, decimal, mean, or_dash, thousands};
use crate::table::{Table, UNITS};

/// Where the flights of an airport go, and how late they arrive.
#[model]
pub(crate) fn routes_from(
    /// The airport that the flights left.
    origin: Origin,
    /// So many of the busiest destinations, 1 to 100.
    #[default(10)]
    top: usize,
) -> Result<Routes, Error> {
    check("top", top, 1..=100)?;
    let mut routes: BTreeMap<String, Route> = BTreeMap::new();
    for_each_flight(origin, |flight| {
        let route = routes.entry(flight.dest.to_owned()).or_default();
        route.flights += 1;
        route.distance = flight.distance;
        route.delays.extend(flight.arr_delay);
    })?;
    let names = names("airports.csv")?;
    let mut destinations: Vec<_> = routes
        .into_iter()
        .map(|(code, route)| Destination {
            // The file lacks some airports of the Caribbean.
            name: names.get(&code).unwrap_or(&code).clone(),
            code,
            flights: route.flights,
            distance_miles: route.distance,
            mean_arrival_delay_minutes: mean(&route.delays),
        })
        .collect();
    destinations.sort_by_key(|destination| Reverse(destination.flights));
    destinations.truncate(top);
    Ok(Routes {
        origin,
        top,
        destinations,
    })
}

#[derive(Default)]
struct Route {
    flights: usize,
    distance: usize,
    delays: Vec<i32>,
}

#[derive(Serialize)]
pub(crate) struct Routes {
    origin: Origin,
    top: usize,
    destinations: Vec<Destination>,
}

#[derive(Serialize)]
struct Destination {
    code: String,
    name: String,
    flights: usize,
    distance_miles: usize,
    /// None if no flight arrived.
    mean_arrival_delay_minutes: Option<f64>,
}

pub(crate) fn routes_table(
    Routes {
        origin,
        destinations,
        ..
    }: &Routes,
) -> Table {
    let flights: usize = destinations.iter().map(|to| to.flights).sum();
    Table {
        title: format!("Where flights from {origin:?} went in 2013"),
        summary: format!(
            "{} flights to the {} busiest destinations. {UNITS}",
            thousands(flights),
            destinations.len()
        ),
        columns: &["", "Destination", "Flights", "Miles", "Mean delay"],
        rows: destinations.iter().map(Destination::cells).collect(),
    }
}

impl Destination {
    fn cells(&self) -> Vec<String> {
        vec![
            self.code.clone(),
            self.name.clone(),
            thousands(self.flights),
            thousands(self.distance_miles),
            or_dash(self.mean_arrival_delay_minutes.map(decimal)),
        ]
    }
}
