use crate::GgufError;

/// Reads values from bytes, with every length checked.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns how many bytes were read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn take(&mut self, length: u64, what: &'static str) -> Result<&'a [u8], GgufError> {
        let left = &self.bytes[self.at..];
        let taken = usize::try_from(length).ok().and_then(|length| left.get(..length));
        let taken = taken.ok_or(GgufError::Truncated { what, wanted: length, left: left.len() })?;
        self.at += taken.len();
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], GgufError> {
        let taken = self.take(N as u64, what)?;
        Ok(taken.try_into().expect("take gives as many bytes as were asked for"))
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, GgufError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, GgufError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Reads a number of items, each of which takes at least `least` bytes.
    pub(crate) fn count(&mut self, min_bytes: u64, what: &'static str) -> Result<usize, GgufError> {
        let count = self.u64(what)?;
        let left = self.bytes.len() - self.at;
        let wanted = count.saturating_mul(min_bytes);
        match usize::try_from(wanted) {
            Ok(wanted) if wanted <= left => Ok(count.try_into().expect("at most the bytes left")),
            _ => Err(GgufError::Truncated { what, wanted, left }),
        }
    }

    pub(crate) fn string(&mut self, what: &'static str) -> Result<&'a str, GgufError> {
        let length = self.u64(what)?;
        let bytes = self.take(length, what)?;
        std::str::from_utf8(bytes).map_err(|_| GgufError::NotUtf8 { what })
    }
}
