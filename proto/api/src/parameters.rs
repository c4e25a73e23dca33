//! The members of an object, taken one by one, so that leftover members are errors that name them.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::members::{MAX_MEMBERS, Members, items};
use super::numbers;
use crate::body::{Checked, unreadable};
use crate::problem::Problem;
use cortex_domain::ErrorCode;
use cortex_domain::id::ParseError;
use cortex_redact::cut;

/// An object's members, and its path in the body: `messages[1]`, or empty for the body itself.
#[derive(Debug)]
pub(super) struct Parameters {
    place: String,
    members: BTreeMap<String, Box<RawValue>>,
}

impl Parameters {
    /// Parses a body.
    pub(super) fn body(body: Checked<'_>) -> Result<Self, Problem> {
        let members = match serde_json::from_slice(body.bytes()) {
            Ok(members) => members,
            Err(error) if error.is_data() => {
                return Err(Problem::new(ErrorCode::InvalidRequest, "the body must be a JSON object"));
            }
            Err(error) => return Err(unreadable(body.bytes(), &error)),
        };
        Self::once_each(String::new(), members)
    }

    /// Parses an object within the body.
    pub(super) fn of(place: String, object: &RawValue) -> Result<Self, Problem> {
        match serde_json::from_str(object.get()) {
            Ok(members) => Self::once_each(place, members),
            Err(_) => Err(wrong(&place, format!("invalid `{place}`: must be an object"))),
        }
    }

    fn once_each(place: String, members: Members) -> Result<Self, Problem> {
        let parameters = Self { place, members: members.all };
        if let Some(name) = members.twice {
            return Err(parameters.wrong(&name, format!("duplicate field {}", parameters.quoted(&name))));
        }
        match (members.too_many, parameters.place.as_str()) {
            (false, _) => Ok(parameters),
            (true, "") => {
                let detail = format!("the body must have at most {MAX_MEMBERS} members");
                Err(Problem::new(ErrorCode::InvalidRequest, detail))
            }
            (true, place) => Err(wrong(
                place,
                format!(
                    "invalid `{place}`: must have at most \
                {MAX_MEMBERS} members"
                ),
            )),
        }
    }

    /// Returns a member. `null` counts as missing.
    pub(super) fn optional<T: DeserializeOwned>(
        &mut self,
        name: &str,
        what: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| self.must_be(name, what))
    }

    pub(super) fn required<T: DeserializeOwned>(&mut self, name: &str, what: &str) -> Result<T, Problem> {
        self.optional(name, what)?.ok_or_else(|| self.missing(name, what))
    }

    /// Parses a string member. It must be present.
    pub(super) fn parsed<T: FromStr<Err = ParseError>>(&mut self, name: &str) -> Result<T, Problem> {
        let text: String = self.required(name, "a string")?;
        text.parse().map_err(|error: ParseError| {
            self.wrong(name, format!("invalid {}: {}", self.quoted(name), error.reason))
        })
    }

    /// Returns a number within bounds.
    pub(super) fn number(&mut self, name: &str, least: f64, most: f64) -> Result<Option<f64>, Problem> {
        let what = format!("a number from {least} to {most}");
        match self.optional::<f64>(name, &what)? {
            Some(number) if !(least..=most).contains(&number) => Err(self.must_be(name, &what)),
            number => Ok(number),
        }
    }

    /// Returns a whole number within bounds, in any notation.
    pub(super) fn whole(&mut self, name: &str, least: i64, most: i64) -> Result<Option<i64>, Problem> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let number = numbers::whole(raw.get()).filter(|number| (least..=most).contains(number));
        number.map(Some).ok_or_else(|| self.must_be(name, &format!("a whole number from {least} to {most}")))
    }

    /// Returns a list of at most `most` items.
    pub(super) fn list(
        &mut self,
        name: &str,
        most: usize,
        what: &str,
    ) -> Result<Option<Vec<Box<RawValue>>>, Problem> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        items(&raw, most).map(Some).map_err(|_| self.must_be(name, what))
    }

    /// Accepts a member that must have the only supported value.
    pub(super) fn only<T: DeserializeOwned>(
        &mut self,
        name: &str,
        what: &str,
        holds: impl FnOnce(&T) -> bool,
    ) -> Result<(), Problem> {
        match self.optional::<T>(name, what)? {
            Some(value) if !holds(&value) => {
                Err(self.wrong(name, format!("invalid {}: must be {what}", self.quoted(name))))
            }
            _ => Ok(()),
        }
    }

    /// Returns a member's raw JSON. `null` counts as missing.
    pub(super) fn raw(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.raw_or_null(name).filter(|raw| raw.get() != "null")
    }

    /// Returns a member's raw JSON, including `null`.
    pub(super) fn raw_or_null(&mut self, name: &str) -> Option<Box<RawValue>> {
        self.members.remove(name)
    }

    /// Returns whether a member is present and `null`.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|raw| raw.get() == "null")
    }

    /// Discards a member.
    pub(super) fn ignore(&mut self, name: &str) {
        self.members.remove(name);
    }

    /// Returns an object's members.
    pub(super) fn object(&mut self, name: &str) -> Result<Option<Self>, Problem> {
        self.raw(name).map(|raw| Self::of(self.at(name), &raw)).transpose()
    }

    /// Returns an error for the first leftover member. `hint` returns what to use instead.
    pub(super) fn none_left(mut self, hint: impl Fn(&str) -> Option<&'static str>) -> Result<(), Problem> {
        self.members.retain(|_, raw| raw.get() != "null");
        let Some(name) = self.members.keys().next() else { return Ok(()) };
        let hint = hint(name).map(|hint| format!(": {hint}")).unwrap_or_default();
        Err(self.wrong(name, format!("unsupported field {}{hint}", self.quoted(name))))
    }

    /// Returns a member's path in the body.
    pub(super) fn at(&self, name: &str) -> String {
        if self.place.is_empty() { cut(name) } else { format!("{}.{}", self.place, cut(name)) }
    }

    fn quoted(&self, name: &str) -> String {
        format!("`{}`", self.at(name))
    }

    pub(super) fn wrong(&self, name: &str, detail: impl Into<String>) -> Problem {
        wrong(&self.at(name), detail)
    }

    /// Returns the problem of a member with an invalid value.
    pub(super) fn must_be(&self, name: &str, what: &str) -> Problem {
        self.wrong(name, format!("invalid {}: must be {what}", self.quoted(name)))
    }

    pub(super) fn missing(&self, name: &str, what: &str) -> Problem {
        self.wrong(name, format!("missing required field {} (expected {what})", self.quoted(name)))
    }
}

/// Returns a problem that names the invalid parameter.
pub(super) fn wrong(param: &str, detail: impl Into<String>) -> Problem {
    Problem::new(ErrorCode::InvalidRequest, detail).at(param)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_is_given_twice_is_refused_by_its_place() {
        for (body, param) in [(r#"{"a":1,"a":2}"#, "a"), (r#"{"a":{"b":1,"c":3,"b":1}}"#, "a.b")] {
            let problem = Parameters::body(Checked::trust(body.as_bytes()))
                .and_then(|mut body| body.object("a"))
                .unwrap_err();
            assert_eq!(problem.param(), Some(param));
            assert_eq!(problem.detail, format!("duplicate field `{param}`"));
        }
    }

    #[test]
    fn a_member_within_an_object_is_named_with_its_place() {
        let mut body = Parameters::body(Checked::trust(br#"{"a":{"b":1,"c":null,"d":2}}"#)).unwrap();
        let mut inner = body.object("a").unwrap().unwrap();
        let wrong = inner.optional::<String>("b", "a string").unwrap_err();
        assert_eq!((wrong.param(), wrong.detail.as_str()), (Some("a.b"), "invalid `a.b`: must be a string"));
        let missing = inner.required::<String>("c", "a string").unwrap_err();
        assert_eq!(missing.detail, "missing required field `a.c` (expected a string)");
        assert_eq!(inner.none_left(|_| None).unwrap_err().param(), Some("a.d"));
        body.none_left(|_| None).unwrap();
    }

    #[test]
    fn an_object_of_too_many_members_is_refused() {
        let members: Vec<_> = (0..=MAX_MEMBERS).map(|n| format!("\"{n}\":1")).collect();
        let object = format!("{{{}}}", members.join(","));
        let problem = Parameters::body(Checked::trust(object.as_bytes())).unwrap_err();
        assert_eq!(
            (problem.param(), problem.detail.as_str()),
            (None, "the body must have at most 256 members")
        );
        let within = format!(r#"{{"a":{object}}}"#);
        let problem = Parameters::body(Checked::trust(within.as_bytes())).unwrap().object("a").unwrap_err();
        assert_eq!(
            (problem.param(), problem.detail.as_str()),
            (Some("a"), "invalid `a`: must have at most 256 members")
        );
    }

    #[test]
    fn a_long_name_is_not_repeated_whole() {
        let body = format!(r#"{{"{}":1}}"#, "a".repeat(1 << 16));
        let problem =
            Parameters::body(Checked::trust(body.as_bytes())).unwrap().none_left(|_| None).unwrap_err();
        assert!(problem.detail.len() < 200 && problem.param().unwrap().len() < 100);
    }

    #[test]
    fn bounds_hold() {
        let mut body =
            Parameters::body(Checked::trust(br#"{"a":2.5,"b":2.5,"c":3,"d":3.0,"e":3e400,"f":[1,2]}"#))
                .unwrap();
        assert_eq!(body.number("a", 0.0, 2.5).unwrap(), Some(2.5));
        assert!(body.number("b", 0.0, 2.0).unwrap_err().detail.contains("from 0 to 2"));
        assert!(body.whole("c", 4, 5).is_err());
        assert_eq!(body.whole("d", 1, 5).unwrap(), Some(3));
        assert_eq!(
            body.whole("e", 1, 5).unwrap_err().detail,
            "invalid `e`: must be a whole number from 1 to 5"
        );
        assert_eq!(
            body.list("f", 1, "a list of one").unwrap_err().detail,
            "invalid `f`: must be a list of one"
        );
    }
}
