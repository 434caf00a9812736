//! Arguments of a program: from what was given to typed values and the text that stands for them in a key.
//!
//! Step 3 of an invocation: `bind` reads what is given (`given`, `values`, `value`, `json`) for the parameters that a model declares
//! (`parameter`, which tries `sample` values once), and `key` writes the text. `retry` finds everything that is wrong.

mod bind;
mod describe;
mod edits;
mod form;
mod forward;
mod given;
mod json;
mod kept;
mod key;
mod language;
mod one;
mod order;
mod parameter;
mod plain;
mod reading;
mod refused;
mod retry;
mod sample;
mod samples;
mod typed;
mod unknown;
mod value;
mod values;
mod watch;

pub(crate) use bind::{Arguments, bind};
pub(crate) use describe::parameters;
pub(crate) use kept::{kept, leave_out};
pub(crate) use language::LANGUAGE;
pub use parameter::Parameter;
pub(crate) use parameter::Parameters;
pub(crate) use typed::Typed;
pub(crate) use unknown::{check_known, names, nearest, no_such_argument};
