//! A matrix as a model file holds it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::format::Format;
use crate::layout::widen;
use crate::simd::{Isa, dispatch};

/// What keeps a matrix's bytes: a mapped file, or memory of one's own.
pub type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// `rows` x `columns` values, row after row, in a [`Format`].
#[derive(Clone)]
pub struct Matrix {
    format: Format,
    rows: usize,
    columns: usize,
    bytes: Bytes,
    range: Range<usize>,
}

/// The bytes don't make such a matrix.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    #[error("a row of {columns} is not a whole number of {} blocks of {}", format.name(), format.block_values())]
    Columns { format: Format, columns: usize },
    #[error("{rows} x {columns} values of {} take other than {found} bytes", format.name())]
    Length { format: Format, rows: usize, columns: usize, found: usize },
    #[error("bytes {} to {} of {length}", range.start, range.end)]
    Range { range: Range<usize>, length: usize },
}

impl Matrix {
    /// The matrix that lies at `range` of `bytes`; they need no alignment.
    pub fn new(
        format: Format,
        rows: usize,
        columns: usize,
        bytes: Bytes,
        range: Range<usize>,
    ) -> Result<Self, ShapeError> {
        let length = (*bytes).as_ref().len();
        if range.start > range.end || range.end > length {
            return Err(ShapeError::Range { range, length });
        }
        let row = format.row_bytes(columns).ok_or(ShapeError::Columns { format, columns })?;
        if row.checked_mul(rows) != Some(range.len()) {
            return Err(ShapeError::Length { format, rows, columns, found: range.len() });
        }
        Ok(Self { format, rows, columns, bytes, range })
    }

    /// A matrix of one's own floats.
    pub fn of_floats(rows: usize, columns: usize, values: &[f32]) -> Result<Self, ShapeError> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let range = 0..bytes.len();
        Self::new(Format::F32, rows, columns, Arc::new(bytes), range)
    }

    pub fn format(&self) -> Format {
        self.format
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The matrix as it is stored.
    ///
    /// # Panics
    /// If what keeps the bytes no longer has them.
    pub fn bytes(&self) -> &[u8] {
        &(*self.bytes).as_ref()[self.range.clone()]
    }

    /// Rows `rows` as a matrix of their own, which shares the bytes.
    ///
    /// # Panics
    /// If there are no such rows.
    pub fn slice(&self, rows: Range<usize>) -> Self {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "{rows:?} of {} rows", self.rows);
        let row = self.row_bytes();
        let start = self.range.start;
        Self { rows: rows.len(), range: start + rows.start * row..start + rows.end * row, ..self.clone() }
    }

    /// Widens row `row` to floats.
    ///
    /// # Panics
    /// If there is no such row, or `out` is not as long as one.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        assert!(row < self.rows && out.len() == self.columns, "row {row} of {self:?} in {}", out.len());
        let bytes = &self.bytes()[row * self.row_bytes()..][..self.row_bytes()];
        let (format, from, count, to) = (self.format, bytes.as_ptr(), out.len(), out.as_mut_ptr());
        // `from` and `to` are good for a row each, and a row is whole blocks.
        dispatch!(Isa::best(), widen(format: Format, from: *const u8, count: usize, to: *mut f32));
    }

    pub(crate) fn row_bytes(&self) -> usize {
        self.format.row_bytes(self.columns).expect("`new` saw that a row is whole blocks")
    }
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {} {}", self.rows, self.columns, self.format.name())
    }
}
