//! What a command has printed, beside what the text shows.
//!
//! `..` alone on a line stands for any number of lines, within a line for any text.

/// Stands for what the text leaves out.
const ANYTHING: &str = "..";

/// Whether `printed` is what `shown` says, line for line.
pub(crate) fn is_shown(shown: &[String], printed: &[&str]) -> bool {
    let Some((first, rest)) = shown.split_first() else {
        return printed.is_empty();
    };
    match (first.as_str(), printed.split_first()) {
        (ANYTHING, None) => is_shown(rest, printed),
        (ANYTHING, Some((_, later))) => is_shown(rest, printed) || is_shown(shown, later),
        (line, Some((next, later))) => is_line(line, next) && is_shown(rest, later),
        (_, None) => false,
    }
}

/// Whether all of `shown` has been printed so far, in its order and perhaps among other lines.
pub(crate) fn has_appeared(shown: &[String], printed: &[&str]) -> bool {
    let mut printed = printed.iter();
    let mut lines = shown.iter().filter(|line| *line != ANYTHING);
    lines.all(|line| printed.any(|next| is_line(line, next)))
}

fn is_line(shown: &str, printed: &str) -> bool {
    let Some((start, rest)) = shown.split_once(ANYTHING) else {
        return shown == printed.trim_end();
    };
    let Some(mut printed) = printed.trim_end().strip_prefix(start) else {
        return false;
    };
    let (between, end) = rest.rsplit_once(ANYTHING).unwrap_or(("", rest));
    for part in between.split(ANYTHING) {
        match printed.split_once(part) {
            Some((_, later)) => printed = later,
            None => return false,
        }
    }
    printed.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::{has_appeared, is_shown};

    fn shown(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn two_dots_stand_for_lines_and_for_text() {
        for (text, printed, is) in [
            ("a\nb", "a\nb", true),
            ("a\nb", "a", false),
            ("a", "a\nb", false),
            ("a\n..", "a\nb\nc", true),
            ("..\nc", "a\nb\nc", true),
            ("..\nb\n..", "a\nb\nc", true),
            ("..\nd", "a\nb\nc", false),
            ("ttl=..; a", "ttl=3600; a", true),
            ("ttl=..; a", "ttl=3600; b", false),
            ("x..y..z", "x 1 y 2 z", true),
            ("x..y..z", "x 1 z 2 y", false),
            ("took ..", "took 3 ms", true),
            ("ab..ba", "aba", false),
        ] {
            let lines: Vec<_> = printed.lines().collect();
            assert_eq!(is_shown(&shown(text), &lines), is, "{text:?} {printed:?}");
        }
    }

    #[test]
    fn a_server_is_ready_when_all_lines_have_appeared_in_order() {
        let text = shown("..\none ..\ntwo");
        for (printed, has) in [("one 1\nthree\ntwo\nfour", true), ("two\none 1", false)] {
            let lines: Vec<_> = printed.lines().collect();
            assert_eq!(has_appeared(&text, &lines), has, "{printed:?}");
        }
    }
}
