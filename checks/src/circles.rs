//! No circle among the files of a crate: of two files, at most one uses the other, directly or through others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::report::Violation;
use crate::tree::{Arrow, Tree};

type Arrows = [BTreeMap<usize, Arrow>];

/// One violation for each set of files that lead to each other; it shows the shortest circle.
pub(crate) fn circles(tree: &Tree) -> Vec<Violation> {
    let arrows = &tree.arrows()[..];
    let mut violations = Vec::new();
    let mut seen = BTreeSet::new();
    for file in 0..arrows.len() {
        let Some(mut shortest) = circle(arrows, file).filter(|_| !seen.contains(&file)) else {
            continue;
        };
        let reached = reachable(arrows, file);
        let set: Vec<usize> = reached
            .into_iter()
            .filter(|other| reachable(arrows, *other).contains(&file))
            .collect();
        for other in &set {
            seen.insert(*other);
            if let Some(circle) =
                circle(arrows, *other).filter(|circle| circle.len() < shortest.len())
            {
                shortest = circle;
            }
        }
        violations.push(violation(tree, arrows, &shortest, &set));
    }
    violations
}

fn violation(tree: &Tree, arrows: &Arrows, circle: &[usize], set: &[usize]) -> Violation {
    let path = |file: usize| tree.files[file].path.as_str();
    let next = circle.iter().cycle().skip(1);
    let shown = circle.iter().zip(next).map(|(from, to)| {
        let Arrow { line, path: name } = &arrows[*from][to];
        format!("\n    {}:{line} -> {} ({name})", path(*from), path(*to))
    });
    let others: Vec<&str> = set
        .iter()
        .filter(|file| !circle.contains(file))
        .map(|file| path(*file))
        .collect();
    let others = match &others[..] {
        [] => String::new(),
        others => format!(
            "\n    and in larger circles with them: {}",
            others.join(", ")
        ),
    };
    Violation {
        place: path(circle[0]).to_owned(),
        what: format!("a circle of {} files", circle.len()),
        remedy: format!(
            "move what both need into a file below them, or pass it as an argument{}{others}",
            shown.collect::<String>()
        ),
    }
}

/// The shortest way from `file` back to it, without its end.
fn circle(arrows: &Arrows, file: usize) -> Option<Vec<usize>> {
    let mut from = BTreeMap::new();
    let mut queue = VecDeque::from([file]);
    while let Some(at) = queue.pop_front() {
        for next in arrows[at].keys() {
            if *next == file {
                let mut way = vec![at];
                while let Some(before) = from.get(&way[way.len() - 1]) {
                    way.push(*before);
                }
                way.reverse();
                return Some(way);
            }
            if !from.contains_key(next) {
                from.insert(*next, at);
                queue.push_back(*next);
            }
        }
    }
    None
}

fn reachable(arrows: &Arrows, file: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(at) = open.pop() {
        open.extend(arrows[at].keys().filter(|next| reached.insert(**next)));
    }
    reached
}
