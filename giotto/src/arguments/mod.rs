//! Arguments of a program: from what was given to typed values and the text that stands for them in a key.
//!
//! Step 3 of an invocation: `bind` reads each given value (`value`) for the parameters that a model declares
//! (`parameter`, which tries `sample` values once), and `key` writes the text. `retry` finds everything that is wrong.

mod bind;
mod describe;
mod form;
mod forward;
mod kept;
mod key;
mod language;
mod order;
mod parameter;
mod parts;
mod plain;
mod reading;
mod refused;
mod retry;
mod sample;
mod samples;
mod typed;
mod value;
mod watch;

pub(crate) use bind::{Arguments, bind, check_known, nearest, no_such_argument};
pub(crate) use describe::parameters;
pub(crate) use kept::{kept, leave_out};
pub use parameter::Parameter;
pub(crate) use parameter::Parameters;
pub(crate) use typed::Typed;
