//! How times and sizes read.
//!
//! Part of the views of the programs under `mgt/cache/`.

use std::time::Duration;

/// The units of [`time`], the largest first, in seconds.
const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];

/// `2 h 5 min`, `3.4 s`, `12 ms`: the two largest units.
pub(super) fn time(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds == 0 {
        return match duration.as_micros() {
            0 => "0 s".to_owned(),
            micros @ 1..1_000 => format!("{micros} µs"),
            micros => format!("{} ms", micros / 1_000),
        };
    }
    if seconds < 10 {
        let tenths = duration.subsec_millis() / 100;
        return match tenths {
            0 => format!("{seconds} s"),
            tenths => format!("{seconds}.{tenths} s"),
        };
    }
    let first = UNITS.iter().position(|(unit, _)| seconds >= *unit);
    let mut rest = seconds;
    let units = UNITS.iter().skip(first.unwrap_or_default()).take(2);
    let parts = units.filter_map(|(unit, name)| {
        let count = rest / unit;
        rest %= unit;
        (count > 0).then(|| format!("{count} {name}"))
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// `3 pages`, `1 page`.
pub(super) fn count(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}

/// Lines of a name and a text, the texts below each other; a text of several lines, too.
pub(super) fn columns<'l>(lines: impl IntoIterator<Item = (&'l str, String)>) -> String {
    let lines: Vec<_> = lines.into_iter().collect();
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut shown = String::new();
    for (name, text) in lines {
        let mut name = name;
        for line in text.lines() {
            shown.push_str(format!("{name:width$}  {line}").trim_end());
            shown.push('\n');
            name = "";
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_in_its_two_largest_units() {
        for (ms, text) in [
            (0, "0 s"),
            (12, "12 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (3_450, "3.4 s"),
            (10_900, "10 s"),
            (60_000, "1 min"),
            (65_000, "1 min 5 s"),
            (3_600_000, "1 h"),
            (7_500_000, "2 h 5 min"),
            (90_061_000, "1 d 1 h"),
            (86_400_000 + 5_000, "1 d"),
        ] {
            assert_eq!(time(Duration::from_millis(ms)), text);
        }
        assert_eq!(time(Duration::from_micros(900)), "900 µs");
    }

    #[test]
    fn columns_stand_below_each_other() {
        let shown = columns([("key", "a\nb".to_owned()), ("stored as", "c".to_owned())]);
        assert_eq!(shown, "key        a\n           b\nstored as  c\n");
    }
}
