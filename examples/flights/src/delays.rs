//! The report on delays: the model, and the table that it becomes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use giotto::prelude::*;

use crate::data::{Origin, for_each_flight, names};
use crate::numbers::{check, decimal, mean, or_dash, thousands};
use crate::table::{Table, UNITS};

/// How late the carriers of an airport leave, and how often not at all.
///
/// The median of an even number of flights lies halfway between the two in the middle. The 90th percentile is the
/// smallest delay that so many per cent of the flights do not exceed. A cancelled flight has no delay.
#[model]
pub(crate) fn delays_at(
    /// The airport that the flights left.
    origin: Origin,
    /// Only this month, 1 to 12; the whole year if it is not given.
    month: Option<u8>,
) -> Result<Delays, Error> {
    check("month", month.map_or(1, usize::from), 1..=12)?;
    // Of every flight; none if it was cancelled.
    let mut delays: BTreeMap<String, Vec<Option<i32>>> = BTreeMap::new();
    for_each_flight(origin, |flight| {
        if month.is_none_or(|month| month == flight.month) {
            let of_carrier = delays.entry(flight.carrier.to_owned()).or_default();
            of_carrier.push(flight.dep_delay);
        }
    })?;
    let names = names("airlines.csv")?;
    let mut carriers: Vec<_> = delays
        .into_iter()
        .map(|(code, delays)| Carrier::new(code, &names, &delays))
        .collect();
    carriers.sort_by_key(|carrier| Reverse(carrier.flights));
    Ok(Delays {
        origin,
        month,
        carriers,
    })
}

#[derive(Serialize)]
pub(crate) struct Delays {
    origin: Origin,
    month: Option<u8>,
    /// The one with the most flights first.
    carriers: Vec<Carrier>,
}

#[derive(Serialize)]
struct Carrier {
    code: String,
    name: String,
    flights: usize,
    cancelled: usize,
    cancelled_share: f64,
    /// None if all its flights were cancelled.
    departure_delay_minutes: Option<Delay>,
}

#[derive(Serialize)]
struct Delay {
    mean: f64,
    median: f64,
    percentile_90: i32,
}

impl Carrier {
    fn new(code: String, names: &HashMap<String, String>, delays: &[Option<i32>]) -> Self {
        let departed: Vec<i32> = delays.iter().flatten().copied().collect();
        let cancelled = delays.len() - departed.len();
        Self {
            name: names.get(&code).unwrap_or(&code).clone(),
            code,
            flights: delays.len(),
            cancelled,
            cancelled_share: cancelled as f64 / delays.len() as f64,
            departure_delay_minutes: Delay::of(departed),
        }
    }
}

impl Delay {
    fn of(mut delays: Vec<i32>) -> Option<Self> {
        delays.sort_unstable();
        let count = delays.len();
        // The one in the middle, or the two.
        let middle = delays.get(count.checked_sub(1)? / 2..=count / 2)?;
        let nearest_rank = (count * 90).div_ceil(100);
        Some(Self {
            mean: mean(&delays)?,
            median: mean(middle)?,
            percentile_90: *delays.get(nearest_rank - 1)?,
        })
    }
}

pub(crate) fn delays_table(
    Delays {
        origin,
        month,
        carriers,
    }: &Delays,
) -> Table {
    let flights: usize = carriers.iter().map(|carrier| carrier.flights).sum();
    let cancelled: usize = carriers.iter().map(|carrier| carrier.cancelled).sum();
    Table {
        title: format!("Departure delays at {origin:?} in 2013: {}", period(*month)),
        summary: format!(
            "{} flights, {} of them cancelled. {UNITS}",
            thousands(flights),
            thousands(cancelled)
        ),
        columns: &[
            "",
            "Carrier",
            "Flights",
            "Cancelled",
            "Mean",
            "Median",
            "90th %",
        ],
        rows: carriers.iter().map(Carrier::cells).collect(),
    }
}

/// `July`, or `all months`.
pub(crate) fn period(month: Option<u8>) -> &'static str {
    month
        .and_then(|month| MONTHS.split(' ').nth(usize::from(month).checked_sub(1)?))
        .unwrap_or("all months")
}

const MONTHS: &str =
    "January February March April May June July August September October November December";

impl Carrier {
    fn cells(&self) -> Vec<String> {
        let delay = self.departure_delay_minutes.as_ref();
        vec![
            self.code.clone(),
            self.name.clone(),
            thousands(self.flights),
            format!("{:.1}%", 100.0 * self.cancelled_share),
            or_dash(delay.map(|delay| decimal(delay.mean))),
            or_dash(delay.map(|delay| decimal(delay.median))),
            or_dash(delay.map(|delay| delay.percentile_90)),
        ]
    }
}
