//! The rules of RFC 9111, 9110 and 5861 as pure functions.
