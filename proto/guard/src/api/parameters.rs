//! The members of an object, taken one by one, so that what is left over can be refused by name.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::problem::{Kind, Problem};

/// An object's members, and where the object stands in the body: `messages[1]`, or nothing for the body itself.
#[derive(Debug)]
pub(super) struct Parameters {
    place: String,
    members: BTreeMap<String, Box<RawValue>>,
}

impl Parameters {
    /// Reads a body. Check its depth first.
    pub(super) fn body(body: &[u8]) -> Result<Self, Problem> {
        let Members(members) = crate::precheck::parse(body)?;
        Ok(Self { place: String::new(), members })
    }

    /// Reads an object within the body.
    pub(super) fn of(place: String, object: &RawValue) -> Result<Self, Problem> {
        match serde_json::from_str(object.get()) {
            Ok(Members(members)) => Ok(Self { place, members }),
            Err(error) if error.is_data() && object.get().starts_with('{') => {
                let detail = error.to_string();
                let detail = detail.split(" at line ").next().unwrap_or_default();
                Err(wrong(&place, format!("`{place}`: {detail}")))
            }
            Err(_) => Err(wrong(&place, format!("`{place}` is an object"))),
        }
    }

    /// A member; one that is `null` lacks.
    pub(super) fn optional<T: DeserializeOwned>(
        &mut self,
        name: &str,
        what: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let read = serde_json::from_str(raw.get());
        read.map(Some).map_err(|_| self.wrong(name, format!("`{}` is {what}", self.at(name))))
    }

    pub(super) fn required<T: DeserializeOwned>(&mut self, name: &str, what: &str) -> Result<T, Problem> {
        let found = self.optional(name, what)?;
        found.ok_or_else(|| self.wrong(name, format!("`{}` lacks: it is {what}", self.at(name))))
    }

    /// A number within bounds.
    pub(super) fn number(&mut self, name: &str, least: f64, most: f64) -> Result<Option<f64>, Problem> {
        let what = format!("a number from {least} to {most}");
        let number = self.optional::<f64>(name, &what)?;
        match number {
            Some(number) if !(least..=most).contains(&number) => {
                Err(self.wrong(name, format!("`{}` is {what}", self.at(name))))
            }
            number => Ok(number),
        }
    }

    /// A whole number within bounds.
    pub(super) fn whole(&mut self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Problem> {
        let what = format!("a whole number from {least} to {most}");
        let number = self.optional::<i64>(name, &what)?;
        match number {
            Some(number) if !(least..=most).contains(&number) => {
                Err(self.wrong(name, format!("`{}` is {what}", self.at(name))))
            }
            number => Ok(number),
        }
    }

    /// A member that may only say what holds anyway.
    pub(super) fn only<T: DeserializeOwned>(
        &mut self,
        name: &str,
        what: &str,
        holds: impl FnOnce(&T) -> bool,
    ) -> Result<(), Problem> {
        match self.optional::<T>(name, what)? {
            Some(value) if !holds(&value) => {
                Err(self.wrong(name, format!("`{}` can only be {what} here", self.at(name))))
            }
            _ => Ok(()),
        }
    }

    /// A member as it was written.
    pub(super) fn raw(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.members.remove(name).filter(|raw| raw.get() != "null")
    }

    /// An object's members.
    pub(super) fn object(&mut self, name: &str) -> Result<Option<Self>, Problem> {
        self.raw(name).map(|raw| Self::of(self.at(name), &raw)).transpose()
    }

    /// Refuses what was not taken; `hint` knows what to use instead.
    pub(super) fn none_left(mut self, hint: impl Fn(&str) -> Option<&'static str>) -> Result<(), Problem> {
        self.members.retain(|_, raw| raw.get() != "null");
        let Some(name) = self.members.keys().next() else { return Ok(()) };
        let hint = hint(name).map(|hint| format!(": {hint}")).unwrap_or_default();
        Err(self.wrong(name, format!("`{}` is not supported here{hint}", self.at(name))))
    }

    /// A member's place in the body.
    pub(super) fn at(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    pub(super) fn wrong(&self, name: &str, detail: impl Into<String>) -> Problem {
        wrong(&self.at(name), detail)
    }
}

/// A refusal that names the parameter at fault.
pub(super) fn wrong(param: &str, detail: impl Into<String>) -> Problem {
    Problem::new(Kind::InvalidRequest, detail).at(param)
}

/// An object without a member twice: whichever counted, the other would be ignored.
struct Members(BTreeMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Each)
    }
}

struct Each;

impl<'de> Visitor<'de> for Each {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            if members.contains_key(&name) {
                return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
            }
            members.insert(name, value);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_twice_is_refused() {
        let problem = Parameters::body(br#"{"a":1,"a":2}"#).unwrap_err();
        assert_eq!((problem.kind, problem.detail.as_str()), (Kind::InvalidRequest, "duplicate field `a`"));
    }

    #[test]
    fn a_member_within_an_object_is_named_with_its_place() {
        let mut body = Parameters::body(br#"{"a":{"b":1,"c":null,"d":2}}"#).unwrap();
        let mut inner = body.object("a").unwrap().unwrap();
        assert_eq!(inner.optional::<String>("b", "a text").unwrap_err().extensions["param"], "a.b");
        assert_eq!(inner.none_left(|_| None).unwrap_err().extensions["param"], "a.d");
        body.none_left(|_| None).unwrap();
    }

    #[test]
    fn bounds_hold() {
        let mut body = Parameters::body(br#"{"a":2.5,"b":2.5,"c":3}"#).unwrap();
        assert_eq!(body.number("a", 0.0, 2.5).unwrap(), Some(2.5));
        assert!(body.number("b", 0.0, 2.0).unwrap_err().detail.contains("from 0 to 2"));
        assert!(body.whole("c", 4, 5).is_err());
    }
}
