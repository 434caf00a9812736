//! The rows of the data, read from its files anew for each page.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use flate2::read::GzDecoder;
use giotto::prelude::*;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data");

/// The airports of New York. A parameter of this type refuses every other code, and tells these.
#[expect(clippy::upper_case_acronyms, reason = "so are the codes of airports")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    EWR,
    JFK,
    LGA,
}

/// A row of the file.
#[derive(Deserialize)]
pub(crate) struct Flight<'row> {
    pub(crate) month: u8,
    pub(crate) dep_delay: Option<i32>,
    pub(crate) arr_delay: Option<i32>,
    pub(crate) carrier: &'row str,
    pub(crate) origin: Origin,
    pub(crate) dest: &'row str,
    pub(crate) distance: usize,
}

/// Shows every flight from `origin` to `see`, unpacking the file as it goes.
pub(crate) fn for_each_flight(
    origin: Origin,
    mut see: impl FnMut(&Flight<'_>),
) -> Result<(), Error> {
    let file = "flights-2013.csv.gz";
    let mut read = || -> csv::Result<()> {
        let mut reader = csv::Reader::from_reader(GzDecoder::new(open(file)?));
        let header = reader.headers()?.clone();
        let mut row = csv::StringRecord::new();
        while reader.read_record(&mut row)? {
            let flight: Flight<'_> = row.deserialize(Some(&header))?;
            if flight.origin == origin {
                see(&flight);
            }
        }
        Ok(())
    };
    read().map_err(|error| unreadable(file, &error))
}

/// The names in `file` by code.
pub(crate) fn names(file: &str) -> Result<HashMap<String, String>, Error> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(alias = "carrier", alias = "faa")]
        code: String,
        name: String,
    }
    let read = || -> csv::Result<_> {
        csv::Reader::from_reader(open(file)?)
            .into_deserialize()
            .map(|row| row.map(|Named { code, name }| (code, name)))
            .collect()
    };
    read().map_err(|error| unreadable(file, &error))
}

fn open(file: &str) -> std::io::Result<File> {
    File::open(Path::new(DATA).join(file))
}

fn unreadable(file: &str, error: &csv::Error) -> Error {
    Error::other(format!(
        "cannot read {DATA}/{file}: {error}; put the file there again: git checkout '{DATA}'"
    ))
}
