//! Records what a type reads, as a literal.
//!
//! Stands between a deserializer and the visitors of serde, for arguments that are not [`plain`](super::plain). A value is
//! a function of what its type reads, so two values with one text are one value. The parts are in one file, although it is
//! long, because deserializers and visitors call each other.

use std::any::type_name;
use std::fmt;

use giotto_cache::literal;
use serde::Serialize;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::form::{Form, Member};
use super::forward::forward;

/// A deserializer or a seed that records in `text` what is read from `inner`.
pub(crate) struct Reading<'t, D> {
    inner: D,
    text: &'t mut String,
}

impl<'t, D> Reading<'t, D> {
    pub(crate) const fn new(inner: D, text: &'t mut String) -> Self {
        Self { inner, text }
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Reading<'_, D> {
    type Error = D::Error;

    forward! {
        self, visitor => self.inner, Watch::new(visitor, self.text, Form::Any); for
            deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
            deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
            deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
            deserialize_option deserialize_unit deserialize_unit_struct deserialize_newtype_struct
            deserialize_enum deserialize_identifier deserialize_ignored_any;
        self, visitor => self.inner, Watch::new(visitor, self.text, Form::Float); for
            deserialize_f32 deserialize_f64;
        self, visitor => self.inner, Watch::new(visitor, self.text, Form::list::<V>()); for deserialize_seq;
        self, visitor => self.inner, Watch::new(visitor, self.text, Form::map::<V>()); for deserialize_map;
        self, visitor => self.inner, Watch::new(visitor, self.text, Form::Tuple); for
            deserialize_tuple deserialize_tuple_struct;
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Watch::new(visitor, self.text, Form::Struct(fields));
        self.inner.deserialize_struct(name, fields, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A visitor that records in `text` what it is shown.
struct Watch<'t, V> {
    visitor: V,
    text: &'t mut String,
    form: Form,
}

impl<'t, V> Watch<'t, V> {
    const fn new(visitor: V, text: &'t mut String, form: Form) -> Self {
        Self {
            visitor,
            text,
            form,
        }
    }

    fn note<T: Serialize + ?Sized, E: Error>(&mut self, value: &T) -> Result<(), E> {
        let text = literal::to_string(value).map_err(E::custom)?;
        self.text.push_str(&text);
        Ok(())
    }

    /// An integer, which a type may have asked for as a float.
    fn note_integer<T: Copy + TryInto<i32> + Serialize, E: Error>(
        &mut self,
        value: T,
    ) -> Result<(), E> {
        match (self.form, value.try_into()) {
            (Form::Float, Ok(small)) => self.note(&f64::from(small)),
            _ => self.note(&value),
        }
    }
}

/// Values without parts.
macro_rules! noted {
    ($($method:ident $note:ident($value:ident: $type:ty) $shown:expr;)*) => {
        $(fn $method<E: Error>(mut self, $value: $type) -> Result<V::Value, E> {
            self.$note($shown)?;
            self.visitor.$method($value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watch<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    noted! {
        visit_bool note(value: bool) &value;
        visit_i8 note_integer(value: i8) value;
        visit_i16 note_integer(value: i16) value;
        visit_i32 note_integer(value: i32) value;
        visit_i64 note_integer(value: i64) value;
        visit_i128 note_integer(value: i128) value;
        visit_u8 note_integer(value: u8) value;
        visit_u16 note_integer(value: u16) value;
        visit_u32 note_integer(value: u32) value;
        visit_u64 note_integer(value: u64) value;
        visit_u128 note_integer(value: u128) value;
        visit_f32 note(value: f32) &value;
        visit_f64 note(value: f64) &value;
        visit_char note(value: char) &value;
        visit_str note(value: &str) value;
        visit_borrowed_str note(value: &'de str) value;
        visit_string note(value: String) &value;
        visit_bytes note(value: &[u8]) &Bytes(value);
        visit_borrowed_bytes note(value: &'de [u8]) &Bytes(value);
        visit_byte_buf note(value: Vec<u8>) &Bytes(&value);
    }

    fn visit_none<E: Error>(mut self) -> Result<V::Value, E> {
        self.note(&None::<()>)?;
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(mut self) -> Result<V::Value, E> {
        self.note(&None::<()>)?;
        self.visitor.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let start = self.text.len();
        let made = self.visitor.visit_some(Reading::new(inner, self.text))?;
        // `literal` writes an option of an option like this.
        if &self.text[start..] == "None" || self.text[start..].starts_with("Some(") {
            self.text.insert_str(start, "Some(");
            self.text.push(')');
        }
        Ok(made)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.visitor
            .visit_newtype_struct(Reading::new(inner, self.text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let mut items = Vec::new();
        let made = self.visitor.visit_seq(Items {
            inner,
            items: &mut items,
        });
        self.text.push_str(&self.form.of_items(items));
        made
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let mut members = Vec::new();
        let made = self.visitor.visit_map(Members {
            inner,
            members: &mut members,
        });
        self.text.push_str(&self.form.of_members(members));
        made
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_enum(Reading::new(inner, self.text))
    }
}

struct Bytes<'b>(&'b [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Records what the seed `inner` reads.
impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Reading<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Reading::new(inner, self.text))
    }
}

struct Items<'t, A> {
    inner: A,
    items: &'t mut Vec<String>,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Items<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let mut text = String::new();
        let item = self.inner.next_element_seed(Reading::new(seed, &mut text));
        if !matches!(item, Ok(None)) {
            self.items.push(text);
        }
        item
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

struct Members<'t, A> {
    inner: A,
    members: &'t mut Vec<Member>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let mut member = Member::of::<S::Value>();
        let key = self
            .inner
            .next_key_seed(Reading::new(seed, &mut member.name));
        if !matches!(key, Ok(None)) {
            self.members.push(member);
        }
        key
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let mut text = String::new();
        let value = self.inner.next_value_seed(Reading::new(seed, &mut text));
        if let Some(member) = self.members.last_mut() {
            member.value = text;
            member.is_ignored = type_name::<S::Value>().ends_with("::IgnoredAny");
        }
        value
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 't, A: EnumAccess<'de>> EnumAccess<'de> for Reading<'t, A> {
    type Error = A::Error;
    type Variant = Content<'t, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let start = self.text.len();
        let seed = Reading::new(seed, &mut *self.text);
        let (name, inner) = self.inner.variant_seed(seed)?;
        let content = Content {
            inner,
            text: self.text,
            start,
        };
        Ok((name, content))
    }
}

/// The content of a variant whose name starts at `start` of the text.
pub(crate) struct Content<'t, A> {
    inner: A,
    text: &'t mut String,
    start: usize,
}

impl<A> Content<'_, A> {
    /// Records `{'Variant': ..}` around what `read` records.
    fn read<T, E>(self, read: impl FnOnce(A, &mut String) -> Result<T, E>) -> Result<T, E> {
        self.text.insert(self.start, '{');
        self.text.push_str(": ");
        let made = read(self.inner, self.text);
        self.text.push('}');
        made
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Content<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.read(|inner, text| inner.newtype_variant_seed(Reading::new(seed, text)))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.read(|inner, text| {
            let form = Form::Tuple;
            inner.tuple_variant(
                length,
                Watch {
                    visitor,
                    text,
                    form,
                },
            )
        })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.read(|inner, text| {
            let form = Form::Struct(fields);
            inner.struct_variant(
                fields,
                Watch {
                    visitor,
                    text,
                    form,
                },
            )
        })
    }
}
