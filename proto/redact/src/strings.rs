//! All strings of a JSON document with their paths, without building the document.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::json_path::{JsonPath, PathSegment};

/// Calls `visit` with the path and the text of every string. This includes the names of members,
/// with the path of their value. Check the depth first.
pub(crate) fn each(json: &[u8], visit: &mut dyn FnMut(&JsonPath<'_>, &str)) -> Result<(), serde_json::Error> {
    let mut from = serde_json::Deserializer::from_slice(json);
    Walk { place: &mut JsonPath::default(), visit }.deserialize(&mut from)?;
    from.end()
}

struct Walk<'a, 'de> {
    place: &'a mut JsonPath<'de>,
    visit: &'a mut dyn FnMut(&JsonPath<'_>, &str),
}

impl<'de> Walk<'_, 'de> {
    fn again(&mut self) -> Walk<'_, 'de> {
        Walk { place: self.place, visit: self.visit }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        (self.visit)(self.place, text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        for index in 0.. {
            self.place.0.push(PathSegment::Item(index));
            let next = items.next_element_seed(self.again())?;
            self.place.0.pop();
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key_seed(Name)? {
            self.place.0.push(PathSegment::Member(name.clone()));
            (self.visit)(self.place, &name);
            members.next_value_seed(self.again())?;
            self.place.0.pop();
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
}

/// A member's name, copied only if it is written with escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_met_with_its_place() {
        let mut met = Vec::new();
        let json = r#"{"a/b":["x",{"~":"\u0079"}],"\u006e":[1,-2,0.5,null,true]}"#;
        each(json.as_bytes(), &mut |place, text| met.push(format!("{} {text}", place.pointer()))).unwrap();
        assert_eq!(met, ["/a~1b a/b", "/a~1b/0 x", "/a~1b/1/~0 ~", "/a~1b/1/~0 y", "/n n"]);
    }

    #[test]
    fn text_that_is_not_json_is_an_error() {
        for bad in ["", "[1", "[1] x", "{\"a\"}"] {
            assert!(each(bad.as_bytes(), &mut |_, _| {}).is_err(), "{bad}");
        }
    }
}
