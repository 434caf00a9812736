//! Binds again what was refused once, to tell every wrong argument at the same time.
//!
//! Part of step 3 of an invocation, and only of one that is refused. serde ends at the first error, so each further try
//! leaves out what is known to be wrong, and what was read before it. An empty text that a type refuses is tried once more
//! as nothing: a form sends an empty text for a number or a date that is not filled in.

use super::edits::Edits;
use super::given::Given;
use super::parameter::Parameter;
use super::refused::{Refused, missing};
use crate::error::InvalidInput;

/// The most tries: as many wrong arguments are told.
const MAX_TRIES: usize = 100;
/// About the most bytes that all tries read together, so that a large form is not read a hundred times.
const MAX_READ: usize = 16 << 20;

/// Everything that is refused of what is `given`, of which `first` is known; or the edits that make it right. `bind` tries to
/// bind it with some edits.
pub(super) fn refusals(
    given: &Given<'_>,
    first: Refused,
    bind: &mut dyn FnMut(&Edits) -> Result<(), Refused>,
) -> Result<Edits, InvalidInput> {
    let mut edits = Edits::default();
    let mut found = Found::missing(given);
    let mut next = Some(first);
    for _ in 0..tries(given) {
        let Some(refused) = next.take() else { break };
        let Some(at) = place(given.parameters, refused.name()) else {
            // It is about all arguments together. What is wrong with one of them may be the reason.
            found.refused.extend(match found.refused.is_empty() {
                true => Some((0, refused)),
                false => None,
            });
            break;
        };
        if !found.learn(at, refused, &mut edits) {
            break;
        }
        next = bind(&edits).err();
    }
    // Too many tries: the last refusal stands for the rest.
    if let (true, Some(refused)) = (found.refused.is_empty(), next) {
        found.refused.push((0, refused));
    }
    found.told().map(|()| edits)
}

/// What is known to be refused, each with the place of its parameter.
struct Found {
    refused: Vec<(usize, Refused)>,
    /// The refusals of empty texts, which may count as nothing.
    of_nothing: Vec<Refused>,
}

impl Found {
    /// The arguments that have to be given, and are not.
    fn missing(given: &Given<'_>) -> Self {
        let missing = given.missing().map(|(at, name)| (at, missing(name)));
        Self {
            refused: missing.collect(),
            of_nothing: Vec::new(),
        }
    }

    /// Notes that an argument at this place is `refused`, and edits it. Returns whether another try may find more.
    fn learn(&mut self, at: usize, refused: Refused, edits: &mut Edits) -> bool {
        let name = refused.name().to_owned();
        if edits.left_out.contains(&name) {
            return edits.leave_out_more(&name);
        }
        if edits.leave_out(at, &name) {
            // serde names one missing argument only: that this one is left out hides the others.
            return false;
        }
        if refused.is_of_nothing() && edits.empty.insert(name.clone()) {
            self.of_nothing.push(refused);
            return true;
        }
        edits.from = edits.from.max(at);
        let is_part = |part: &str| {
            part.strip_prefix(&*name)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        let mut known = self.refused.iter().map(|(_, known)| known.name());
        if known.all(|known| known != name && !is_part(known)) {
            let mut emptied = self.of_nothing.iter().position(|one| one.name() == name);
            let refused = match emptied.take() {
                Some(at) => self.of_nothing.swap_remove(at).missing_instead(),
                None => refused,
            };
            self.refused.push((at, refused));
        }
        edits.left_out.insert(name);
        true
    }

    /// All of it, in the order of the parameters.
    fn told(mut self) -> Result<(), InvalidInput> {
        self.refused.sort_by_key(|(at, _)| *at);
        let refused = self.refused.into_iter().map(|(_, refused)| refused);
        refused
            .fold(InvalidInput::new(), InvalidInput::and)
            .into_result()
    }
}

fn tries(given: &Given<'_>) -> usize {
    (MAX_READ / given.size().max(1)).clamp(1, MAX_TRIES)
}

/// The place of the parameter that `path` is, or is a part of.
fn place(parameters: &[Parameter], path: &str) -> Option<usize> {
    parameters.iter().position(|parameter| {
        let rest = path.strip_prefix(parameter.name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}
