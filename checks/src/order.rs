//! Imports point down: `checks/order.txt` lists the rooms of a crate from the top to the bottom.
//!
//! ```text
//! [giotto-cache]
//! cache.rs
//! engine/
//! key.rs policy.rs
//! ```
//!
//! The section is the folder of a crate. A line is a floor; rooms on one floor may use each other. A file
//! belongs to the longest room that it begins with. The root needs no place: it may import all, and none it.

use std::collections::BTreeSet;

use crate::report::Violation;
use crate::tree::Tree;

/// The floors of one crate, the top first.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// Each room with its floor and its line in the list.
    rooms: Vec<(String, usize)>,
}

impl Order {
    /// The section `[name]` of the list; `None` if there is none.
    pub(crate) fn of(name: &str, list: &str) -> Option<Self> {
        let header = format!("[{name}]");
        let mut lines = list
            .lines()
            .enumerate()
            .skip_while(|(_, line)| *line != header);
        lines.next()?;
        let rooms = lines
            .take_while(|(_, line)| !line.starts_with('['))
            .filter(|(_, line)| !line.starts_with('#'))
            .flat_map(|(number, line)| {
                line.split_whitespace()
                    .map(move |room| (room.to_owned(), number + 1))
            });
        Some(Self {
            rooms: rooms.collect(),
        })
    }

    /// The room of a file.
    fn room(&self, path: &str) -> Option<&(String, usize)> {
        let is_in = |room: &str| path == room || room.ends_with('/') && path.starts_with(room);
        let rooms = self.rooms.iter().filter(|(room, _)| is_in(room));
        rooms.max_by_key(|(room, _)| room.len())
    }

    /// Arrows that go up, files without a place, and places without a file.
    pub(crate) fn check(&self, tree: &Tree) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut used = BTreeSet::new();
        for (from, arrows) in tree.arrows().into_iter().enumerate().skip(1) {
            let path = &tree.files[from].path;
            let Some((room, floor)) = self.room(path) else {
                violations.push(Violation {
                    place: path.clone(),
                    what: "has no place in the order of rooms".to_owned(),
                    remedy: "add a line to checks/order.txt, above all that it uses".to_owned(),
                });
                continue;
            };
            used.insert(room);
            for (to, arrow) in arrows {
                let to = &tree.files[to].path;
                let Some((above, _)) = self.room(to).filter(|(_, above)| above < floor) else {
                    continue;
                };
                violations.push(Violation {
                    place: format!("{path}:{}", arrow.line),
                    what: format!("{} goes up from {room} to {above}", arrow.path),
                    remedy: format!(
                        "move what is needed of {to} to {room} or below, or change checks/order.txt"
                    ),
                });
            }
        }
        let unused = self.rooms.iter().filter(|(room, _)| !used.contains(room));
        violations.extend(unused.map(|(room, line)| Violation {
            place: format!("checks/order.txt:{line}"),
            what: format!("{room} has no file"),
            remedy: "remove it from the list".to_owned(),
        }));
        violations
    }
}
