//! Macros for the methods of serde's `Deserializer`. Their signatures are written here only.

/// Methods that call the same method of `inner` with the visitor `shown`.
macro_rules! forward {
    ($($this:ident, $visitor:ident => $inner:expr, $shown:expr; for $($method:ident)*;)*) => {
        $($($crate::arguments::forward::signature! {
            asking { $this, $visitor, $inner, $shown } $method
        })*)*
    };
}
pub(super) use forward;

/// Methods with one `body`, which ignores their other parameters.
macro_rules! methods {
    ($($this:ident, $visitor:ident => $body:expr; for $($method:ident)*;)*) => {
        $($($crate::arguments::forward::signature! {
            answering { $this, $visitor, $body } $method
        })*)*
    };
}
pub(super) use methods;

macro_rules! signature {
    ($then:ident $rest:tt deserialize_unit_struct) => {
        $crate::arguments::forward::$then! { $rest deserialize_unit_struct(name: &'static str) }
    };
    ($then:ident $rest:tt deserialize_newtype_struct) => {
        $crate::arguments::forward::$then! { $rest deserialize_newtype_struct(name: &'static str) }
    };
    ($then:ident $rest:tt deserialize_tuple) => {
        $crate::arguments::forward::$then! { $rest deserialize_tuple(length: usize) }
    };
    ($then:ident $rest:tt deserialize_tuple_struct) => {
        $crate::arguments::forward::$then! {
            $rest deserialize_tuple_struct(name: &'static str, length: usize)
        }
    };
    ($then:ident $rest:tt deserialize_struct) => {
        $crate::arguments::forward::$then! {
            $rest deserialize_struct(name: &'static str, fields: &'static [&'static str])
        }
    };
    ($then:ident $rest:tt deserialize_enum) => {
        $crate::arguments::forward::$then! {
            $rest deserialize_enum(name: &'static str, variants: &'static [&'static str])
        }
    };
    ($then:ident $rest:tt $method:ident) => {
        $crate::arguments::forward::$then! { $rest $method() }
    };
}
pub(super) use signature;

macro_rules! asking {
    (
        { $this:ident, $visitor:ident, $inner:expr, $shown:expr }
        $method:ident($($name:ident: $type:ty),*)
    ) => {
        fn $method<V: Visitor<'de>>(
            $this,
            $($name: $type,)*
            $visitor: V,
        ) -> Result<V::Value, Self::Error> {
            $inner.$method($($name,)* $shown)
        }
    };
}
pub(super) use asking;

macro_rules! answering {
    (
        { $this:ident, $visitor:ident, $body:expr }
        $method:ident($($name:ident: $type:ty),*)
    ) => {
        fn $method<V: Visitor<'de>>($this, $(_: $type,)* $visitor: V) -> Result<V::Value, Self::Error> {
            $body
        }
    };
}
pub(super) use answering;
