//! What a further try to bind changes about what is given.
//!
//! Part of step 3 of an invocation that is refused: `retry` makes the edits, and `given` follows them.

use std::collections::BTreeSet;

/// What a try changes about what is given. An argument is known by its name, a part of one by its path.
#[derive(Default)]
pub(super) struct Edits {
    /// The place of the first parameter that is read.
    pub(super) from: usize,
    pub(super) left_out: BTreeSet<String>,
    /// The empty texts that count as nothing.
    pub(super) empty: BTreeSet<String>,
}

impl Edits {
    /// Whether the parameter at this place, or a whole argument of this name, is left out.
    pub(super) fn leave_out(&self, at: usize, name: &str) -> bool {
        at < self.from || self.left_out.contains(name)
    }

    /// Whether the part at `path`, or something that it is part of, is left out.
    pub(super) fn leave_out_part(&self, path: &str) -> bool {
        let ends = path.match_indices('.').map(|(end, _)| end);
        let mut wholes = ends.chain([path.len()]).map(|end| &path[..end]);
        !self.left_out.is_empty() && wholes.any(|whole| self.left_out.contains(whole))
    }

    /// Leaves out more than the part at `path`: what it is part of cannot be made without it. Returns whether there is more.
    pub(super) fn leave_out_more(&mut self, path: &str) -> bool {
        let mut wholes = path.rmatch_indices('.').map(|(end, _)| &path[..end]);
        wholes.any(|whole| self.left_out.insert(whole.to_owned()))
    }

    pub(super) fn is_nothing(&self, path: &str) -> bool {
        self.empty.contains(path)
    }
}
