//! The members of JSON objects and the items of arrays, so that a refusal has the path of what is refused.
//!
//! Part of step 3 of an invocation: `value` reads JSON that a request has with them.

use serde::de::{self, DeserializeSeed, Visitor};
use serde_json::{Map, Value as Json};

use super::one::One;
use super::refused::Refused;

/// Reads the members of `object`. A refusal has the name of the member.
pub(super) fn visit_object<'de, V: Visitor<'de>>(
    object: &'de Map<String, Json>,
    visitor: V,
) -> Result<V::Value, Refused> {
    visitor.visit_map(Members {
        remaining: object.iter(),
        current: None,
    })
}

/// Reads the items of `array`. A refusal of a part of an item has its number, too.
pub(super) fn visit_array<'de, V: Visitor<'de>>(
    array: &'de [Json],
    visitor: V,
) -> Result<V::Value, Refused> {
    let mut items = Items(array.iter().enumerate());
    let list = visitor.visit_seq(&mut items)?;
    match items.0.len() {
        0 => Ok(list),
        // A tuple does not read surplus items.
        surplus => {
            let message = format!("it has {surplus} items too many");
            Err(Refused::new(message))
        }
    }
}

struct Members<'de> {
    remaining: serde_json::map::Iter<'de>,
    current: Option<(&'de str, &'de Json)>,
}

impl<'de> de::MapAccess<'de> for Members<'de> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Refused> {
        let next = self.remaining.next();
        self.current = next.map(|(name, value)| (name.as_str(), value));
        let name = self.current.map(|(name, _)| One::Text(name));
        name.map(|name| seed.deserialize(name)).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        let current = self.current.take();
        let (name, value) = current.ok_or_else(|| Refused::new("a value without a name"))?;
        let one = One::Json(value);
        let read = seed.deserialize(one);
        read.map_err(|refused: Refused| refused.within(name).given(|| one.to_string()))
    }
}

struct Items<'de>(std::iter::Enumerate<std::slice::Iter<'de, Json>>);

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Refused> {
        let Some((number, value)) = self.0.next() else {
            return Ok(None);
        };
        let one = One::Json(value);
        let read = seed.deserialize(one).map(Some);
        read.map_err(|refused: Refused| {
            let refused = match refused.name() {
                "" => refused,
                _ => refused.within(&number.to_string()),
            };
            refused.given(|| one.to_string())
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}
