//! A matrix in the form in which a model file stores it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::format::Format;
use crate::layout::widen;
use crate::simd::{Isa, dispatch};

/// The owner of a matrix's bytes, such as a mapped file or a vector.
pub type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// `rows` x `columns` values in a [`Format`], row after row.
#[derive(Clone)]
pub struct Matrix {
    format: Format,
    rows: usize,
    columns: usize,
    bytes: Bytes,
    range: Range<usize>,
}

/// The bytes don't form such a matrix.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    #[error("a row of {columns} is not a whole number of {} blocks of {}", format.name(), format.block_values())]
    Columns { format: Format, columns: usize },
    #[error("{rows} x {columns} values of {} do not take {found} bytes", format.name())]
    Length { format: Format, rows: usize, columns: usize, found: usize },
    #[error("bytes {} to {} exceed the {length} bytes there are", range.start, range.end)]
    Range { range: Range<usize>, length: usize },
}

impl Matrix {
    /// Creates a matrix from the bytes at `range` of `bytes`. They need no alignment.
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

    /// Creates a matrix that owns its floats.
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

    /// Returns the stored bytes.
    ///
    /// # Panics
    ///
    /// Panics if the owner no longer has the bytes.
    pub fn bytes(&self) -> &[u8] {
        &(*self.bytes).as_ref()[self.range.clone()]
    }

    /// Returns some rows as a matrix that shares the bytes.
    ///
    /// # Panics
    ///
    /// Panics if there are no such rows.
    pub fn slice(&self, rows: Range<usize>) -> Self {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "{rows:?} of {} rows", self.rows);
        let row = self.row_bytes();
        let start = self.range.start;
        Self { rows: rows.len(), range: start + rows.start * row..start + rows.end * row, ..self.clone() }
    }

    /// Widens a row to floats.
    ///
    /// # Panics
    ///
    /// Panics if there is no such row, or if `out` doesn't have the length of a row.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        assert!(row < self.rows && out.len() == self.columns, "row {row} of {self:?} in {}", out.len());
        let bytes = &self.bytes()[row * self.row_bytes()..][..self.row_bytes()];
        let (format, from, count, to) = (self.format, bytes.as_ptr(), out.len(), out.as_mut_ptr());
        // `from` and `to` are valid for a row each, and a row is a whole number of blocks.
        dispatch!(Isa::best(), widen(format: Format, from: *const u8, count: usize, to: *mut f32));
    }

    pub(crate) fn row_bytes(&self) -> usize {
        self.format.row_bytes(self.columns).expect("`new` checked that a row is a whole number of blocks")
    }
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {} {}", self.rows, self.columns, self.format.name())
    }
}
