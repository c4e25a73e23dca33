//! The members of a JSON object and the items of a list, as raw JSON.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Maximum number of members of an object. No object that is parsed member by member has as many.
pub(super) const MAX_MEMBERS: usize = 256;

/// The members of an object by their names.
pub(super) struct Members {
    pub(super) all: BTreeMap<String, Box<RawValue>>,
    /// The first duplicate name. If one of the two values counted, the other would be ignored.
    pub(super) twice: Option<String>,
    /// Whether the object has more members than are kept.
    pub(super) too_many: bool,
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Members { all: BTreeMap::new(), twice: None, too_many: false };
        while members.all.len() < MAX_MEMBERS
            && let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()?
        {
            match members.all.entry(name) {
                Entry::Occupied(first) => _ = members.twice.get_or_insert_with(|| first.key().clone()),
                Entry::Vacant(free) => _ = free.insert(value),
            }
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            members.too_many = true;
        }
        Ok(members)
    }
}

/// Reads a list of at most `most` items, and stops after that.
pub(super) fn items(list: &RawValue, most: usize) -> Result<Vec<Box<RawValue>>, serde_json::Error> {
    Items(most).deserialize(&mut serde_json::Deserializer::from_str(list.get()))
}

struct Items(usize);

impl<'de> DeserializeSeed<'de> for Items {
    type Value = Vec<Box<RawValue>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items {
    type Value = Vec<Box<RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} items", self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            if items.len() == self.0 {
                return Err(A::Error::custom("too many items"));
            }
            items.push(item);
        }
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_up_to_its_bound() {
        let object = |count: usize| {
            let members: Vec<_> = (0..count).map(|n| format!("\"{n}\":{{}}")).collect();
            serde_json::from_str::<Members>(&format!("{{{}}}", members.join(","))).unwrap()
        };
        let (full, over) = (object(MAX_MEMBERS), object(MAX_MEMBERS + 1));
        assert_eq!((full.all.len(), full.too_many), (MAX_MEMBERS, false));
        assert_eq!((over.all.len(), over.too_many), (MAX_MEMBERS, true));
    }

    #[test]
    fn a_list_is_read_up_to_its_bound() {
        let list = RawValue::from_string("[1,[2],{}]".into()).unwrap();
        let read = items(&list, 3).unwrap();
        assert_eq!(read.iter().map(|item| item.get()).collect::<Vec<_>>(), ["1", "[2]", "{}"]);
        assert!(items(&list, 2).is_err());
        assert!(items(&RawValue::from_string("{}".into()).unwrap(), 2).is_err());
    }
}
