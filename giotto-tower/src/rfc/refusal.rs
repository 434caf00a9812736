//! Why a response may not be stored.
//!
//! A ground file of the rules.

/// Why a response may not be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Method,
    Status,
    NoStore,
    Private,
    Authorization,
    SetCookie,
    Cookie,
    VaryStar,
    VaryFields,
    NoLifetime,
    Stale,
    Stream,
}

impl Refusal {
    /// As the `detail` of `Cache-Status` (RFC 9211, 2.8) has it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Status => "status",
            Self::NoStore => "no-store",
            Self::Private => "private",
            Self::Authorization => "authorization",
            Self::SetCookie => "set-cookie",
            Self::Cookie => "cookie",
            Self::VaryStar => "vary-star",
            Self::VaryFields => "vary-fields",
            Self::NoLifetime => "no-lifetime",
            Self::Stale => "stale",
            Self::Stream => "stream",
        }
    }
}
