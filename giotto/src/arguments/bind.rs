//! Binds the values of a request to the parameters of a model.
//!
//! Step 3 of an invocation. Each parameter, in declared order, takes its named value, or else the next positional
//! segment, or else its default; a parameter without any of them is an error that names it. serde makes typed arguments
//! of the values, and `key` writes their text.

use std::borrow::Cow;

use giotto_cache::literal;
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};

use super::edits::Edits;
use super::given::{Given, Taken};
use super::key::{self, Read};
use super::parameter::Parameter;
use super::reading::Reading;
use super::refused::Refused;
use super::retry;
use super::typed::Typed;
use super::unknown::{names, takes};
use super::values::Values;
use crate::error::{Error, ErrorKind, InvalidInput, Result, quoted};
use crate::request::Request;

/// Bound arguments: typed, and as text.
pub(crate) struct Arguments {
    pub(crate) typed: Typed,
    /// Their text in the key: `{'x': 12}`.
    pub(crate) canonical: String,
}

/// Binds the `positional` segments and the named values of the `request` to the `parameters` of an `A`.
pub(crate) fn bind<A>(
    parameters: &[Parameter],
    positional: &[Cow<'_, str>],
    request: &Request<'_>,
) -> Result<Arguments>
where
    A: DeserializeOwned + Serialize + Send + 'static,
{
    let given = Given {
        parameters,
        positional,
        data: &request.data,
        is_form: request.is_form,
    };
    let mut reader = Reader::new(given, None);
    match A::deserialize(&mut reader) {
        Ok(typed) => bound(reader, typed),
        Err(refused) => bind_again::<A>(given, refused),
    }
}

/// Binds what was `refused` without edits.
#[cold]
#[inline(never)]
fn bind_again<A>(given: Given<'_>, refused: Refused) -> Result<Arguments>
where
    A: DeserializeOwned + Serialize + Send + 'static,
{
    let edits = retry::refusals(&given, refused, &mut |edits| {
        A::deserialize(&mut Reader::new(given, Some(edits))).map(drop)
    })?;
    let mut reader = Reader::new(given, Some(&edits));
    let typed = A::deserialize(&mut reader).map_err(InvalidInput::from)?;
    bound(reader, typed)
}

/// The arguments, of which `reader` has made `typed`.
fn bound<A>(mut reader: Reader<'_>, typed: A) -> Result<Arguments>
where
    A: DeserializeOwned + Serialize + Send + 'static,
{
    reader.check_positional()?;
    let Taken { given, edits, .. } = reader.taken;
    let parameters = given.parameters;
    if key::is_plain(&typed, parameters) {
        return Ok(Arguments {
            canonical: literal::to_string(&typed)?,
            typed: Typed::new(typed),
        });
    }
    reader = Reader::new(given, edits);
    reader.read = Some(Read::new());
    // From here on, the second value counts: a default such as `today()` may differ between two readings.
    let typed = A::deserialize(&mut reader).map_err(InvalidInput::from)?;
    reader.check_positional()?;
    Ok(Arguments {
        canonical: key::text(&typed, parameters, &reader.read.unwrap_or_default())?,
        typed: Typed::new(typed),
    })
}

/// The values of a request, as a deserializer of the argument struct.
struct Reader<'g> {
    taken: Taken<'g>,
    /// What the parameters read, if that is recorded.
    read: Option<Read>,
}

impl<'g> Reader<'g> {
    fn new(given: Given<'g>, edits: Option<&'g Edits>) -> Self {
        Self {
            taken: Taken::new(given, edits),
            read: None,
        }
    }

    #[inline]
    fn check_positional(&self) -> Result<()> {
        match self.taken.positional() {
            None => Ok(()),
            Some(extra) => Err(self.too_many(extra)),
        }
    }

    fn too_many(&self, extra: &str) -> Error {
        let message = format!(
            "{} is one positional argument too many; {}",
            quoted(extra),
            takes(&names(self.taken.given.parameters))
        );
        Error::new(ErrorKind::NoProgram, message)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Refused;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_map(Fields {
            remaining: self.taken.given.parameters.iter().enumerate(),
            reader: self,
            current: None,
        })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        Err(Refused::new("a model takes one struct with named fields"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The fields of the struct that something was given for.
struct Fields<'g, 'de> {
    remaining: std::iter::Enumerate<std::slice::Iter<'de, Parameter>>,
    reader: &'g mut Reader<'de>,
    current: Option<(&'static str, Values<'de>)>,
}

impl<'de> de::MapAccess<'de> for Fields<'_, 'de> {
    type Error = Refused;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        for (at, parameter) in self.remaining.by_ref() {
            let taken = self.reader.taken.take(parameter);
            let edits = self.reader.taken.edits;
            if edits.is_some_and(|edits| edits.leave_out(at, parameter.name)) {
                continue;
            }
            if let Some(values) = taken? {
                self.current = Some((parameter.name, values));
                let name: StrDeserializer<'_, Refused> = parameter.name.into_deserializer();
                return seed.deserialize(name).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, Refused> {
        let (name, values) = self
            .current
            .take()
            .ok_or_else(|| Refused::new("a value without a name"))?;
        let first = values.first();
        let made = match &mut self.reader.read {
            None => seed.deserialize(values),
            Some(read) => noted(read, name, seed, values),
        };
        made.map_err(|refused: Refused| {
            let refused = refused.within(name);
            match first {
                Some(first) => refused.given(|| first.to_string()),
                None => refused,
            }
        })
    }
}

/// Deserializes `values` and records what is read. A function of its own keeps the path of plain arguments small.
#[cold]
#[inline(never)]
fn noted<'de, S: de::DeserializeSeed<'de>>(
    read: &mut Read,
    name: &'static str,
    seed: S,
    values: Values<'de>,
) -> Result<S::Value, Refused> {
    let mut text = String::new();
    let made = seed.deserialize(Reading::new(values, &mut text));
    read.push((name, text));
    made
}
