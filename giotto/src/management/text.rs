//! Times and sizes for people.
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

/// `1,234 pages`, `1 page`.
pub(super) fn many(number: u64, what: &str) -> String {
    match number {
        1 => count(1, what),
        number => format!("{} {what}s", grouped(number)),
    }
}

/// `12,345,678`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `12.2 MiB`, `64 MiB`, `100 bytes`: rounded down to a tenth of the largest unit.
pub(super) fn size(bytes: u64) -> String {
    let units =
        [(4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")].map(|(n, name)| (1 << (10 * n), name));
    let Some((unit, name)) = units.into_iter().find(|(unit, _)| bytes >= *unit) else {
        return count(bytes, "byte");
    };
    let whole = grouped(bytes / unit);
    // No overflow: the rest is smaller than the unit.
    match bytes % unit * 10 / unit {
        0 => format!("{whole} {name}"),
        tenths => format!("{whole}.{tenths} {name}"),
    }
}

/// Lines of a name and a text in two columns. A text may have several lines.
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

/// Rows of columns, each as wide as its widest cell but the last, which is not padded.
pub(super) fn table<const N: usize>(rows: impl IntoIterator<Item = [String; N]>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut shown = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        shown.push_str(line.trim_end());
        shown.push('\n');
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
    fn a_size_reads_in_its_largest_unit() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1100, "1 KiB"),
            (1127, "1.1 KiB"),
            (12_884_901, "12.2 MiB"),
            (64 << 20, "64 MiB"),
            ((1 << 30) - 1, "1,023.9 MiB"),
            (u64::MAX, "16,777,215.9 TiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn long_numbers_are_grouped_by_threes() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (123_456, "123,456"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_table_is_as_wide_as_its_cells() {
        let rows = [["a", "bc", "d"], ["aé中", "b", "a long one"]];
        let shown = table(rows.map(|row| row.map(str::to_owned)));
        assert_eq!(shown, "a    bc  d\naé中  b   a long one\n");
    }

    #[test]
    fn columns_stand_below_each_other() {
        let shown = columns([("key", "a\nb".to_owned()), ("stored as", "c".to_owned())]);
        assert_eq!(shown, "key        a\n           b\nstored as  c\n");
    }
}
