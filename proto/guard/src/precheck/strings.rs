//! All texts of a JSON document with their places, without building the document.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Calls `visit` with the JSON pointer (RFC 6901) and the text of every string, names of members included
/// (they stand at their value's place). Check the depth first.
pub(super) fn each(json: &[u8], visit: &mut dyn FnMut(&str, &str)) -> Result<(), serde_json::Error> {
    let mut from = serde_json::Deserializer::from_slice(json);
    let mut place = String::new();
    Walk { place: &mut place, visit }.deserialize(&mut from)?;
    from.end()
}

struct Walk<'a> {
    place: &'a mut String,
    visit: &'a mut dyn FnMut(&str, &str),
}

impl Walk<'_> {
    /// A walk one step further down; the caller shortens the place again.
    fn below(&mut self, step: &str) -> Walk<'_> {
        self.place.push('/');
        for c in step.chars() {
            match c {
                '~' => self.place.push_str("~0"),
                '/' => self.place.push_str("~1"),
                c => self.place.push(c),
            }
        }
        Walk { place: self.place, visit: self.visit }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        (self.visit)(self.place, text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let length = self.place.len();
        for index in 0usize.. {
            let next = items.next_element_seed(self.below(&index.to_string()))?;
            self.place.truncate(length);
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let length = self.place.len();
        while let Some(name) = members.next_key::<String>()? {
            let below = self.below(&name);
            (below.visit)(below.place, &name);
            members.next_value_seed(below)?;
            self.place.truncate(length);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_met_with_its_place() {
        let mut met = Vec::new();
        let json = r#"{"a/b":["x",{"~":"\u0079"}],"n":[1,-2,0.5,null,true]}"#;
        each(json.as_bytes(), &mut |place, text| met.push(format!("{place} {text}"))).unwrap();
        assert_eq!(met, ["/a~1b a/b", "/a~1b/0 x", "/a~1b/1/~0 ~", "/a~1b/1/~0 y", "/n n"]);
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        for bad in ["", "[1", "[1] x", "{\"a\"}"] {
            assert!(each(bad.as_bytes(), &mut |_, _| {}).is_err(), "{bad}");
        }
    }
}
