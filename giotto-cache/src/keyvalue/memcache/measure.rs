//! The figures of a server: four of what it holds, and the largest item that it accepts.
//!
//! No step of a lookup; for management, and once a minute. It has its own connection, because no other reply has as many
//! lines.

use std::io;

use tokio::io::{AsyncBufRead, AsyncWriteExt, BufReader};

use super::dial::connect;
use super::reply::{not_a_reply, number, read_line};
use crate::error::Result;
use crate::keyvalue::address::Address;
use crate::keyvalue::measure::Measure;

/// Memcached 1.6 has about a hundred.
const MAX_LINES: usize = 1000;

/// What the server at `address` holds. The caller limits the time.
///
/// # Errors
///
/// No connection, or another reply than Memcached's.
pub(super) async fn measure(address: &Address) -> Result<Measure> {
    let asked = async {
        let (read, mut write) = connect(address).await?;
        write.write_all(b"stats\r\n").await?;
        read_measure(&mut BufReader::new(read)).await
    };
    asked.await.map_err(|error| address.failed(&error))
}

/// The most bytes that an item may have at the server at `address`, all that belongs to it included.
pub(super) async fn largest_item(address: &Address) -> io::Result<Option<u64>> {
    let (read, mut write) = connect(address).await?;
    write.write_all(b"stats settings\r\n").await?;
    let mut largest = None;
    let take = |name: &str, value: &str| {
        if name == "item_size_max" {
            largest = number(value);
        }
        true
    };
    read_stats(&mut BufReader::new(read), take).await?;
    Ok(largest)
}

async fn read_measure(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Measure> {
    let mut measure = Measure::default();
    let take = |name: &str, value: &str| {
        let figure = match name {
            "curr_items" => &mut measure.entries,
            "bytes" => &mut measure.bytes,
            "limit_maxbytes" => &mut measure.max_bytes,
            "evictions" => &mut measure.evictions,
            "time" => {
                measure.clock_ms = number(value).map(|seconds| seconds.saturating_mul(1_000));
                return true;
            }
            _ => return true,
        };
        *figure = number(value);
        figure.is_some()
    };
    read_stats(reader, take).await?;
    Ok(measure)
}

/// Reads all figures; `take` must accept each.
async fn read_stats(
    reader: &mut (impl AsyncBufRead + Unpin),
    mut take: impl FnMut(&str, &str) -> bool,
) -> io::Result<()> {
    let mut line = Vec::new();
    for _ in 0..MAX_LINES {
        let text = read_line(reader, &mut line).await?;
        if text == b"END" {
            return Ok(());
        }
        let stat = text.strip_prefix(b"STAT ").map(str::from_utf8);
        let Some(Ok(stat)) = stat else {
            return Err(not_a_reply(text));
        };
        let (name, value) = stat.split_once(' ').unwrap_or((stat, ""));
        if !take(name, value) {
            return Err(not_a_reply(text));
        }
    }
    let message = format!("its figures did not end after {MAX_LINES} lines");
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Measure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(read_measure(&mut text.as_bytes()))
    }

    #[test]
    fn four_figures_are_taken_and_what_is_no_figure_is_refused() {
        let honest = "STAT version 1.6\r\nSTAT curr_items 3\r\nSTAT bytes 210\r\nSTAT empty \r\n\
                      STAT limit_maxbytes 67108864\r\nSTAT evictions 1\r\nEND\r\n";
        let measure = read(honest).unwrap();
        assert_eq!((measure.entries, measure.bytes), (Some(3), Some(210)));
        assert_eq!(
            (measure.max_bytes, measure.evictions),
            (Some(64 << 20), Some(1))
        );
        assert_eq!(read("END\r\n").unwrap().entries, None);
        let endless = "STAT pid 1\r\n".repeat(MAX_LINES + 1);
        let long = format!("STAT {}\r\nEND\r\n", "a".repeat(4096));
        for lie in [
            "",
            "ERROR\r\n",
            "STAT curr_items 3\r\n",
            "STAT curr_items 3\r\nVALUE a 0 1\r\n",
            "STAT curr_items\r\nEND\r\n",
            "STAT curr_items -3\r\nEND\r\n",
            "STAT bytes 18446744073709551616\r\nEND\r\n",
            "STAT bytes 1 2\r\nEND\r\n",
            &long,
            &endless,
        ] {
            assert!(read(lie).is_err(), "{lie}");
        }
    }
}
