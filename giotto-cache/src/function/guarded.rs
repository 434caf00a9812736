//! A value on its way into the encoding, which must return from there as it was.
//!
//! Part of `encoding.rs`: a serializer around another one, which looks at every `Some`, and at what the outermost value is.

use std::cell::Cell;
use std::io::{self, Write};

use rmp_serde::Serializer as MessagePack;
use serde::ser::{self, Error as _, Serialize, Serializer};

/// How MessagePack writes `None` and `()`.
const NIL: u8 = 0xc0;

/// A value whose parts are looked at.
pub(crate) struct Guarded<'v, T: ?Sized> {
    value: &'v T,
    /// Where it is noted that the value says "there is no such thing", if it is the outermost one.
    is_negative: Option<&'v Cell<bool>>,
}

/// The serializer around `S`, or what writes the parts of a value around that of `S`.
pub(crate) struct Guard<'v, S> {
    inner: S,
    is_negative: Option<&'v Cell<bool>>,
}

impl<'v, T: ?Sized> Guarded<'v, T> {
    /// The outermost value: whether it says "there is no such thing" is noted.
    pub(crate) const fn outermost(value: &'v T, is_negative: &'v Cell<bool>) -> Self {
        Self {
            value,
            is_negative: Some(is_negative),
        }
    }

    const fn inner(value: &'v T) -> Self {
        Self {
            value,
            is_negative: None,
        }
    }
}

impl<T: Serialize + ?Sized> Serialize for Guarded<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Guard {
            inner: serializer,
            is_negative: self.is_negative,
        })
    }
}

impl<S> Guard<'_, S> {
    fn note_negative(&self) {
        if let Some(is_negative) = self.is_negative {
            is_negative.set(true);
        }
    }
}

const fn parts<S>(inner: S) -> Guard<'static, S> {
    Guard {
        inner,
        is_negative: None,
    }
}

/// Whether `value` is written as `None` is.
fn is_nil<T: Serialize + ?Sized>(value: &T) -> bool {
    /// Takes one byte, and refuses it.
    #[derive(Default)]
    struct FirstByte(Option<u8>);

    impl Write for FirstByte {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.or(bytes.first().copied());
            Err(io::ErrorKind::Other.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut serializer = MessagePack::new(FirstByte::default())
        .with_struct_map()
        .with_human_readable();
    // It fails after the first byte.
    let _ = value.serialize(&mut serializer);
    serializer.get_ref().0 == Some(NIL)
}

macro_rules! pass_on {
    ($($serialize:ident($value:ty))*) => {$(
        fn $serialize(self, value: $value) -> Result<S::Ok, S::Error> {
            self.inner.$serialize(value)
        }
    )*};
}

impl<S: Serializer> Serializer for Guard<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Guard<'static, S::SerializeSeq>;
    type SerializeTuple = Guard<'static, S::SerializeTuple>;
    type SerializeTupleStruct = Guard<'static, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Guard<'static, S::SerializeTupleVariant>;
    type SerializeMap = Guard<'static, S::SerializeMap>;
    type SerializeStruct = Guard<'static, S::SerializeStruct>;
    type SerializeStructVariant = Guard<'static, S::SerializeStructVariant>;

    pass_on! {
        serialize_bool(bool)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
        serialize_f32(f32) serialize_f64(f64) serialize_char(char) serialize_str(&str) serialize_bytes(&[u8])
        serialize_unit_struct(&'static str)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.note_negative();
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        if is_nil(value) {
            return Err(S::Error::custom(
                "it has a `Some` of nothing, which would be read as `None`",
            ));
        }
        self.inner.serialize_some(&Guarded::inner(value))
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Guarded {
            value,
            is_negative: self.is_negative,
        };
        self.inner.serialize_newtype_struct(name, &value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        if (name, variant) == ("Result", "Err") {
            self.note_negative();
        }
        let value = Guarded::inner(value);
        self.inner
            .serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.inner.serialize_seq(length).map(parts)
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.inner.serialize_tuple(length).map(parts)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.inner.serialize_tuple_struct(name, length).map(parts)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let inner = self.inner;
        inner
            .serialize_tuple_variant(name, index, variant, length)
            .map(parts)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.inner.serialize_map(length).map(parts)
    }

    fn serialize_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        self.inner.serialize_struct(name, length).map(parts)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let inner = self.inner;
        inner
            .serialize_struct_variant(name, index, variant, length)
            .map(parts)
    }
}

/// What writes the parts of a value has each of them looked at.
macro_rules! guard_parts {
    ($($kind:ident: $($serialize:ident($($name:ident)?))*,)*) => {$(
        impl<S: ser::$kind> ser::$kind for Guard<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            $(fn $serialize<T: Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &T,
            ) -> Result<(), S::Error> {
                self.inner.$serialize($($name,)? &Guarded::inner(value))
            })*

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )*};
}

guard_parts! {
    SerializeSeq: serialize_element(),
    SerializeTuple: serialize_element(),
    SerializeTupleStruct: serialize_field(),
    SerializeTupleVariant: serialize_field(),
    SerializeMap: serialize_key() serialize_value(),
    SerializeStruct: serialize_field(name),
    SerializeStructVariant: serialize_field(name),
}
