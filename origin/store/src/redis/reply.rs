//! Reads the replies of the server.

use cortex_domain::ports::StoreError;
use redis::Value;

/// The items of a reply, from the first to the last.
#[derive(Debug)]
pub(super) struct Reply(std::vec::IntoIter<Value>);

impl Reply {
    pub(super) fn new(value: Value) -> Result<Self, StoreError> {
        match value {
            Value::Array(items) => Ok(Self(items.into_iter())),
            Value::Nil => Ok(Self(Vec::new().into_iter())),
            _ => Err(unexpected("list")),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        self.0.next().ok_or_else(|| unexpected("value")).and_then(bytes)
    }

    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        String::from_utf8(self.bytes()?).map_err(|_| unexpected("text"))
    }

    pub(super) fn number(&mut self) -> Result<u64, StoreError> {
        match self.0.next() {
            Some(Value::Int(number)) => u64::try_from(number).map_err(|_| unexpected("number")),
            Some(value) => std::str::from_utf8(&bytes(value)?)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| unexpected("number")),
            None => Err(unexpected("number")),
        }
    }

    /// Reads the next item as a list.
    pub(super) fn list(&mut self) -> Result<Self, StoreError> {
        Self::new(self.0.next().unwrap_or_default())
    }

    /// Returns whether there are more items.
    pub(super) fn has_more(&self) -> bool {
        !self.0.as_slice().is_empty()
    }

    /// Reads the rest with `read`, which takes at least one item.
    pub(super) fn rest<T>(
        mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut all = Vec::new();
        while self.has_more() {
            all.push(read(&mut self)?);
        }
        Ok(all)
    }

    /// Reads the number in the id of a stream's entry, and returns the entry's values.
    pub(super) fn entry(&mut self) -> Result<(u64, Self), StoreError> {
        let mut entry = self.list()?;
        let id = entry.text()?;
        let number = id.split('-').next().and_then(|number| number.parse().ok());
        let fields = entry.list()?.rest(|pair| {
            pair.bytes()?;
            pair.bytes().map(Value::BulkString)
        })?;
        Ok((number.ok_or_else(|| unexpected("id of an entry"))?, Self(fields.into_iter())))
    }
}

pub(super) fn bytes(value: Value) -> Result<Vec<u8>, StoreError> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        Value::Okay => Ok(b"OK".to_vec()),
        Value::Int(number) => Ok(number.to_string().into_bytes()),
        _ => Err(unexpected("value")),
    }
}

/// Returns the error for a reply or a stored value that can't be read.
pub(super) fn unexpected(what: &str) -> StoreError {
    StoreError::Corrupt(format!("Redis returned an invalid {what}"))
}
