use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use crate::cursor::Cursor;
use crate::tensor::{Entry, MIN_ENTRY_BYTES};
use crate::{GgufError, TensorInfo, Value};

/// A GGUF file's metadata, and where its tensors lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Gguf {
    values: BTreeMap<String, Value>,
    tensors: BTreeMap<String, TensorInfo>,
}

impl Gguf {
    /// Reads the metadata of a whole little-endian file of version 2 or 3.
    ///
    /// Every tensor's range lies inside `bytes`, is aligned, overlaps no other range, and has
    /// exactly the length that its shape and type require.
    pub fn parse(bytes: &[u8]) -> Result<Self, GgufError> {
        let mut cursor = Cursor::new(bytes);
        if bytes.get(..4) != Some(b"GGUF") {
            return Err(GgufError::Magic);
        }
        cursor.take(4, "the magic")?;
        match cursor.u32("the version")? {
            2 | 3 => {}
            version if matches!(version.swap_bytes(), 1..=3) => return Err(GgufError::BigEndian),
            version => return Err(GgufError::Version(version)),
        }
        let tensors = cursor.u64("the number of tensors")?;
        // The key's length, a type and a value of one byte.
        let values = cursor.count(8 + 4 + 1, "the metadata")?;
        let values = read_values(&mut cursor, values)?;
        let alignment = alignment(&values)?;
        let entries = read_entries(&mut cursor, tensors, bytes.len())?;
        let start = (cursor.position() as u64).next_multiple_of(alignment.into());
        let tensors = place(entries, start, alignment, bytes.len())?;
        Ok(Self { values, tensors })
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// Returns all keys and values, sorted by key.
    pub fn values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Returns all tensors, sorted by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &TensorInfo)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    pub fn tensor(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name)
    }
}

fn read_values(cursor: &mut Cursor<'_>, count: usize) -> Result<BTreeMap<String, Value>, GgufError> {
    let mut values = BTreeMap::new();
    for _ in 0..count {
        let key = cursor.string("a key")?;
        match values.entry(key.to_owned()) {
            Slot::Occupied(_) => return Err(GgufError::DuplicateKey { key: key.to_owned() }),
            Slot::Vacant(slot) => slot.insert(Value::read(cursor, key)?),
        };
    }
    Ok(values)
}

fn alignment(values: &BTreeMap<String, Value>) -> Result<u32, GgufError> {
    match values.get("general.alignment") {
        None => Ok(32),
        Some(&Value::U32(alignment)) if alignment.is_power_of_two() => Ok(alignment),
        Some(other) => Err(GgufError::Alignment(other.describe())),
    }
}

fn read_entries<'a>(cursor: &mut Cursor<'a>, count: u64, length: usize) -> Result<Vec<Entry<'a>>, GgufError> {
    let left = length - cursor.position();
    let wanted = count.saturating_mul(MIN_ENTRY_BYTES);
    if wanted > left as u64 {
        return Err(GgufError::Truncated { what: "the tensors' entries", wanted, left });
    }
    (0..count).map(|_| Entry::read(cursor)).collect()
}

fn place(
    entries: Vec<Entry<'_>>,
    start: u64,
    alignment: u32,
    length: usize,
) -> Result<BTreeMap<String, TensorInfo>, GgufError> {
    let mut tensors = BTreeMap::new();
    for entry in entries {
        let (name, tensor) = entry.place(start, alignment, length)?;
        match tensors.entry(name) {
            Slot::Occupied(slot) => return Err(GgufError::DuplicateTensor { name: slot.key().clone() }),
            Slot::Vacant(slot) => slot.insert(tensor),
        };
    }
    let mut by_place: Vec<(&String, &TensorInfo)> = tensors.iter().collect();
    by_place.sort_by_key(|(_, tensor)| tensor.range.start);
    for pair in by_place.windows(2) {
        if pair[0].1.range.end > pair[1].1.range.start {
            return Err(GgufError::Overlap { first: pair[0].0.clone(), second: pair[1].0.clone() });
        }
    }
    Ok(tensors)
}
