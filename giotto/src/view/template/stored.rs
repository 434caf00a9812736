//! Finds what belongs to one reader in the templates of a page that goes to the cache, for many.
//!
//! Before the first request. What only may be on the page is an error when it is: step 6 of an invocation refuses it.

use std::collections::BTreeSet;

use super::functions::Function;
use super::outline::{Part, outline};
use super::scan::{Scan, Variable};
use super::templates::Templates;

/// A call on the page: of this function, in this template, in this line.
pub(super) struct Found {
    pub(super) function: String,
    pub(super) template: String,
    pub(super) line: usize,
}

/// A template with its layout, the layout of that, and so on.
type Chain = Vec<(String, Vec<Part>)>;

/// The search through all that a page consists of.
pub(super) struct Search<'t> {
    templates: &'t Templates,
    /// The templates that were searched, so that a circle ends.
    known: BTreeSet<String>,
}

impl<'t> Search<'t> {
    pub(super) const fn new(templates: &'t Templates) -> Self {
        let known = BTreeSet::new();
        Self { templates, known }
    }

    /// The first call on a page of the template `name` that belongs to its reader.
    pub(super) fn find(&mut self, name: &str) -> Option<Found> {
        let chain = self.chain(name);
        let mut blocks = BTreeSet::new();
        let root = chain.len().checked_sub(1)?;
        (0..=root).find_map(|level| {
            // Below the root, blocks stand for those of the layout: they are no part of the page in this place.
            let parts = chain[level].1.iter();
            let parts = parts.filter(|part| level == root || !matches!(part, Part::Block(..)));
            self.find_in(&chain, level, None, parts, &mut blocks)
        })
    }

    fn chain(&mut self, name: &str) -> Chain {
        let mut chain = Chain::new();
        let mut next = Some(name.to_owned());
        while let Some(name) = next.filter(|name| self.known.insert(name.clone())) {
            let parts = self.parts(&name);
            next = parts.iter().find_map(|part| match part {
                Part::Extends(names) => self.templates.existing(names).ok(),
                _ => None,
            });
            chain.push((name, parts));
        }
        chain
    }

    fn parts(&self, name: &str) -> Vec<Part> {
        let Ok(Some((_, text))) = self.templates.sources().read(name) else {
            return Vec::new();
        };
        let variables = Scan::of(&text).variables();
        let is_own = |function: &&str| {
            let is_it = |variable: &Variable| variable.name == *function;
            !variables.iter().any(is_it)
        };
        let functions = Function::OF_ONE_READER.into_iter().filter(is_own);
        outline(&text, &functions.collect::<Vec<_>>())
    }

    /// The first call in these `parts` of the template at `level`, which may be in a `block`.
    fn find_in<'p>(
        &mut self,
        chain: &'p Chain,
        level: usize,
        block: Option<&str>,
        parts: impl IntoIterator<Item = &'p Part>,
        blocks: &mut BTreeSet<(usize, &'p str)>,
    ) -> Option<Found> {
        for part in parts {
            let found = match part {
                Part::Call(function, line) => Some(Found {
                    function: function.clone(),
                    template: chain[level].0.clone(),
                    line: *line,
                }),
                Part::Include(names) => {
                    let name = self.templates.existing(names).ok();
                    let name = name.filter(|name| !self.known.contains(name));
                    name.and_then(|name| self.find(&name))
                }
                Part::Super => {
                    block.and_then(|name| self.find_block(chain, level + 1, name, blocks))
                }
                Part::Block(name, _) => self.find_block(chain, 0, name, blocks),
                Part::Extends(_) | Part::Perhaps(_) => None,
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// The same in the block `name`, as the first template from `level` on has it.
    fn find_block<'p>(
        &mut self,
        chain: &'p Chain,
        level: usize,
        name: &str,
        blocks: &mut BTreeSet<(usize, &'p str)>,
    ) -> Option<Found> {
        let mut levels = chain.iter().enumerate().skip(level);
        let (level, (name, parts)) =
            levels.find_map(|(level, (_, parts))| Some((level, block(parts, name)?)))?;
        match blocks.insert((level, name)) {
            true => self.find_in(chain, level, Some(name), parts, blocks),
            false => None,
        }
    }
}

/// The block `name` in `parts`, wherever it is.
fn block<'p>(parts: &'p [Part], name: &str) -> Option<(&'p str, &'p [Part])> {
    parts.iter().find_map(|part| match part {
        Part::Block(own, parts) if own == name => Some((own.as_str(), parts.as_slice())),
        Part::Block(_, parts) | Part::Perhaps(parts) => block(parts, name),
        _ => None,
    })
}
