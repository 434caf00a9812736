//! What a process has counted, and what it has in memory: the figures that `cache/stats` and `cache/top` add up.
//!
//! A server answers with its own; a command adds up those of all servers. Counters go by their names, so that servers of
//! another version are added up as well.

use std::collections::BTreeMap;

use giotto_cache::{Cache, KeyValue, Place, ProgramCounts};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Result;
use crate::management::contents::sizes::{Size, Sizes};
use crate::management::operator::Operator;
use crate::program::Program;
use crate::view::BasicView;

pub(super) fn program() -> Program {
    Program::new(figures)
        .description("The counters of this process, and what it has in memory")
        .view(BasicView::new())
}

/// Numbers by name.
pub(in crate::management) type Counters = Map<String, Value>;

/// Which figures are wanted.
#[derive(Serialize, Deserialize)]
pub(in crate::management) struct Wanted {
    /// Whether those of each program are.
    #[serde(default)]
    pub(in crate::management) programs: bool,
    /// Whether it is wanted what the programs take in the memory of the process, if that is the whole cache.
    #[serde(default)]
    pub(in crate::management) sizes: bool,
}

impl Wanted {
    /// No figures of programs.
    pub(in crate::management) const NOTHING: Self = Self {
        programs: false,
        sizes: false,
    };
    /// Those of programs, too.
    pub(in crate::management) const PROGRAMS: Self = Self {
        programs: true,
        sizes: false,
    };
}

/// The figures of one process.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::management) struct Figures {
    pub(in crate::management) process: u32,
    /// Of each layer that is the memory of the process, by its number.
    pub(in crate::management) memory: BTreeMap<usize, Memory>,
    pub(in crate::management) counts: Counters,
    pub(in crate::management) in_flight: u64,
    pub(in crate::management) pending: u64,
    #[serde(default)]
    pub(in crate::management) purges: Option<Counters>,
    #[serde(default)]
    pub(in crate::management) programs: Vec<OfProgram>,
    #[serde(default)]
    pub(in crate::management) sizes: Option<Sizes>,
}

/// What a layer in memory holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::management) struct Memory {
    pub(in crate::management) entries: u64,
    pub(in crate::management) bytes: u64,
    pub(in crate::management) max_bytes: u64,
    #[serde(default)]
    pub(in crate::management) evictions: Option<u64>,
}

/// The figures of one program.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::management) struct OfProgram {
    pub(in crate::management) program: String,
    pub(in crate::management) counts: Counters,
    pub(in crate::management) model_ms: f64,
    pub(in crate::management) saved_ms: f64,
    pub(in crate::management) last_minute: Counters,
    pub(in crate::management) last_minute_model_ms: f64,
    /// What its entries take, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::management) size: Option<Size>,
}

async fn figures(wanted: Wanted, operator: Operator) -> Result<Figures> {
    Figures::of(operator.app.shared_cache(), &wanted).await
}

impl Figures {
    /// Those of this process.
    pub(in crate::management) async fn of(cache: &Cache, wanted: &Wanted) -> Result<Self> {
        let mut memory = BTreeMap::new();
        for (number, layer) in layers_of(cache).into_iter().enumerate() {
            if layer.place() == Place::InProcess
                && let Ok(measure) = layer.measure().await
            {
                let held = Memory {
                    entries: measure.entries.unwrap_or_default(),
                    bytes: measure.bytes.unwrap_or_default(),
                    max_bytes: measure.max_bytes.unwrap_or_default(),
                    evictions: measure.evictions,
                };
                memory.insert(number, held);
            }
        }
        let programs = match wanted.programs {
            true => cache.programs(),
            false => Vec::new(),
        };
        let programs = programs.iter().map(OfProgram::new);
        let sizes = match wanted.sizes && cache.store().place() == Place::InProcess {
            true => Some(Sizes::of(cache).await?),
            false => None,
        };
        Ok(Self {
            process: std::process::id(),
            memory,
            counts: counters(&cache.counts())?,
            in_flight: cache.in_flight() as u64,
            pending: cache.pending_invalidations() as u64,
            purges: cache
                .downstream_counts()
                .map(|counts| counters(&counts))
                .transpose()?,
            programs: programs.collect::<Result<_>>()?,
            sizes,
        })
    }
}

impl OfProgram {
    fn new(counted: &ProgramCounts) -> Result<Self> {
        let ms = |time: std::time::Duration| time.as_secs_f64() * 1_000.0;
        Ok(Self {
            program: counted.program.clone(),
            counts: counters(&counted.counts)?,
            model_ms: ms(counted.model.sum),
            saved_ms: ms(counted.saved),
            last_minute: counters(&counted.last_minute)?,
            last_minute_model_ms: ms(counted.last_minute_model),
            size: None,
        })
    }

    /// Adds those of the same program in another process.
    pub(in crate::management) fn add(&mut self, other: &Self) {
        add(&mut self.counts, &other.counts);
        add(&mut self.last_minute, &other.last_minute);
        self.model_ms += other.model_ms;
        self.saved_ms += other.saved_ms;
        self.last_minute_model_ms += other.last_minute_model_ms;
    }
}

/// The layers of the store of `cache`; the store itself if it has none.
pub(in crate::management) fn layers_of(cache: &Cache) -> Vec<&dyn KeyValue> {
    let layers = cache.store().layers();
    match layers.is_empty() {
        true => vec![cache.store()],
        false => layers,
    }
}

fn counters(counts: &impl Serialize) -> Result<Counters> {
    match serde_json::to_value(counts)? {
        Value::Object(counters) => Ok(counters),
        _ => Ok(Counters::new()),
    }
}

/// Adds `more` to `sum`, name by name.
pub(in crate::management) fn add(sum: &mut Counters, more: &Counters) {
    for (name, number) in more {
        let before = count(sum, name);
        let after = before.saturating_add(number.as_u64().unwrap_or_default());
        sum.insert(name.clone(), after.into());
    }
}

/// The number under `name`; 0 if there is none.
pub(in crate::management) fn count(counters: &Counters, name: &str) -> u64 {
    counters
        .get(name)
        .and_then(Value::as_u64)
        .unwrap_or_default()
}
