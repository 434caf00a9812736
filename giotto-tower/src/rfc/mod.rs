//! The rules of a shared HTTP cache: RFC 9111, RFC 9110 (sections 13 and 14), RFC 9213, RFC 5861 and RFC 9875.
//!
//! Pure functions on `http` types: no input or output, no engine, no clock. A time is passed in, as milliseconds since 1970.
//! The files in the order in which a request meets them:
//!
//! 1. `request.rs`: what a request demands of a stored response.
//! 2. `vary.rs`: which stored response belongs to a request.
//! 3. `conditional.rs` and `range.rs`: what a client gets of a stored response.
//! 4. `validators.rs` and `merge.rs`: asking the service whether a stored response is still valid.
//! 5. `storable.rs`: whether and for how long a response may be stored, from `response.rs` (its directives), `freshness.rs`
//!    (its lifetime and age) and `fields.rs` (what of it is stored).
//! 6. `tags.rs` and `invalidation.rs`: what makes stored responses old.
//!
//! `list.rs`, `dictionary.rs` and `date.rs` read what is in a field.

mod conditional;
mod date;
mod dictionary;
mod fields;
mod freshness;
mod invalidation;
mod list;
mod merge;
mod range;
mod refusal;
mod request;
mod response;
mod selected;
mod storable;
mod tags;
mod uri;
mod validators;
mod vary;

pub(crate) use conditional::{has_already, select};
pub(crate) use date::date_or;
pub(crate) use fields::{stored_fields, withheld_fields};
pub(crate) use freshness::stale_on_error;
pub(crate) use invalidation::{invalidated, invalidated_groups, invalidates};
pub(crate) use merge::merge;
pub(crate) use refusal::Refusal;
pub(crate) use request::{Found, RequestDirectives, Reuse};
pub(crate) use selected::Selected;
pub(crate) use storable::{Rules, Terms, Unsaid, judge};
pub(crate) use tags::tags;
pub(crate) use validators::{add_validators, without_conditions};
pub(crate) use vary::vary_value;
