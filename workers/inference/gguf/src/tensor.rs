use std::ops::Range;

use crate::cursor::Cursor;
use crate::{GgufError, Layout};

/// A tensor's type, shape and place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// The number of the ggml type, for [`Layout::of`].
    pub kind: u32,
    /// Innermost dimension first, as in the file. A matrix with `rows` rows is `[columns, rows]`.
    pub shape: Vec<u64>,
    /// Its bytes, counted from the beginning of the file.
    pub range: Range<usize>,
}

/// The minimum size of a tensor's entry: the name's length, the dimensions, one dimension, the type
/// and the offset.
pub(crate) const MIN_ENTRY_BYTES: u64 = 8 + 4 + 8 + 4 + 8;

/// A tensor's entry. Its offset counts from the beginning of the weights.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    name: &'a str,
    kind: u32,
    shape: Vec<u64>,
    offset: u64,
    bytes: u64,
}

impl<'a> Entry<'a> {
    pub(crate) fn read(cursor: &mut Cursor<'a>) -> Result<Self, GgufError> {
        let name = cursor.string("a tensor's name")?;
        let dimensions = cursor.u32("a tensor's dimensions")?;
        if !(1..=4).contains(&dimensions) {
            return Err(GgufError::Dimensions { name: name.to_owned(), dimensions });
        }
        let shape: Vec<u64> =
            (0..dimensions).map(|_| cursor.u64("a tensor's shape")).collect::<Result<_, _>>()?;
        let kind = cursor.u32("a tensor's type")?;
        let offset = cursor.u64("a tensor's offset")?;
        let bytes = bytes(name, kind, &shape)?;
        Ok(Self { name, kind, shape, offset, bytes })
    }

    /// Returns where the tensor lies in the file. The weights begin at `start`.
    pub(crate) fn place(
        self,
        start: u64,
        alignment: u32,
        length: usize,
    ) -> Result<(String, TensorInfo), GgufError> {
        let name = self.name.to_owned();
        if !self.offset.is_multiple_of(alignment.into()) {
            return Err(GgufError::Misaligned { name, offset: self.offset, alignment });
        }
        let begin = start.saturating_add(self.offset);
        let end = begin.saturating_add(self.bytes);
        match (usize::try_from(begin), usize::try_from(end)) {
            (Ok(begin), Ok(end)) if end <= length => {
                Ok((name, TensorInfo { kind: self.kind, shape: self.shape, range: begin..end }))
            }
            _ => Err(GgufError::OutOfFile { name, end, length }),
        }
    }
}

fn bytes(name: &str, kind: u32, shape: &[u64]) -> Result<u64, GgufError> {
    let name = || name.to_owned();
    let layout = Layout::of(kind).ok_or_else(|| GgufError::UnknownTensor { name: name(), kind })?;
    if shape.contains(&0) {
        return Err(GgufError::Empty { name: name(), shape: shape.to_vec() });
    }
    if !shape[0].is_multiple_of(layout.weights) {
        let (row, block, format) = (shape[0], layout.weights, layout.name);
        return Err(GgufError::PartialBlock { name: name(), row, block, format });
    }
    let weights = shape.iter().try_fold(1u64, |product, &side| product.checked_mul(side));
    weights
        .and_then(|weights| (weights / layout.weights).checked_mul(layout.bytes))
        .ok_or_else(|| GgufError::TooLarge { name: name(), shape: shape.to_vec() })
}
