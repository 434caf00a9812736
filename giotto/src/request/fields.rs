//! The header fields of a request, which of them middleware reads, and what else is known of its origin.
//!
//! Made by a controller. Output middleware may still read them after step 6 of an invocation.

use std::fmt;
use std::sync::Arc;

use crate::log::Proxies;
use crate::varies::{FieldsRead, Names};

/// Header fields that came with a request. Giotto implements it for [`http::HeaderMap`]; middleware reads it with
/// [`Request::header`](crate::Request::header).
pub trait Metadata: fmt::Debug + Sync {
    /// The first value of the field `name`, if the field exists and its value is text.
    fn get(&self, name: &str) -> Option<&str>;

    /// All values of the field `name` that are text, in the order sent.
    fn get_all<'m>(&'m self, name: &str) -> Vec<&'m str> {
        self.get(name).into_iter().collect()
    }
}

/// Header fields, and which of them were read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded<'r> {
    fields: Option<&'r dyn Metadata>,
    read: FieldsRead,
}

impl<'r> Recorded<'r> {
    pub(crate) fn new(fields: &'r dyn Metadata) -> Self {
        Self {
            fields: Some(fields),
            read: FieldsRead::default(),
        }
    }

    /// Takes the names of the fields that were read.
    pub(crate) fn take_names(&self) -> Names {
        self.read.take()
    }

    /// The fields, of which `name` is read.
    pub(super) fn read(&self, name: &str) -> Option<&'r dyn Metadata> {
        self.read.record(name);
        self.fields
    }

    /// The fields, of which none is recorded as read, for a page that depends on all of them or is not stored.
    #[cfg(feature = "session")]
    pub(super) const fn unrecorded(&self) -> Option<&'r dyn Metadata> {
        self.fields
    }
}

/// What is known of the origin of a request besides its fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked<'r> {
    /// That of the application, which no request changes.
    pub(crate) own: Option<Arc<str>>,
    /// The proxies, if one of them has sent the request.
    pub(crate) by: Option<&'r Proxies>,
}
