//! Activations as the loops read them.

use crate::layout::PART;
use crate::lines::{Line, Memory, with_lines};

/// Columns that a tile goes over at a time; whole blocks of every format.
pub(super) const DEPTH: usize = 256;
pub(super) const DEPTH_LINES: usize = DEPTH / 16;

thread_local! {
    static PACKED: Memory = const { Memory::new(Vec::new()) };
}

/// Rows of activations in aligned lines, zeros up to a whole part: for each run of `DEPTH` columns all rows' runs, one
/// after the other, so that the rows of a tile don't fall on the same cache sets.
#[derive(Clone, Copy)]
pub(super) struct Activations<'a> {
    lines: &'a [Line],
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl<'a> Activations<'a> {
    pub(super) fn with(x: &[f32], rows: usize, columns: usize, work: impl FnOnce(Activations<'_>)) {
        let run = columns.div_ceil(PART) * PART / 16;
        with_lines(&PACKED, run * rows, |lines| {
            for (first, lines) in (0..columns).step_by(DEPTH).zip(lines.chunks_mut(rows * DEPTH_LINES)) {
                let width = DEPTH.min(columns - first);
                for (row, lines) in lines.chunks_exact_mut(lines.len() / rows).enumerate() {
                    pack(&x[row * columns + first..][..width], lines);
                }
            }
            work(Activations { lines, rows, columns });
        });
    }

    /// The `number`th run of columns: that of `row`, and after it those of the later rows.
    pub(super) fn run(&self, number: usize, row: usize) -> &'a [Line] {
        &self.lines[number * self.rows * DEPTH_LINES + row * self.run_lines(number)..]
    }

    /// The lines of a row in that run.
    pub(super) fn run_lines(&self, number: usize) -> usize {
        (self.columns - number * DEPTH).min(DEPTH).div_ceil(PART) * PART / 16
    }
}

fn pack(from: &[f32], lines: &mut [Line]) {
    let (whole, rest) = from.as_chunks();
    for (line, floats) in lines.iter_mut().zip(whole) {
        line.0 = *floats;
    }
    for line in &mut lines[whole.len()..] {
        *line = Line::ZERO;
    }
    if !rest.is_empty() {
        lines[whole.len()].0[..rest.len()].copy_from_slice(rest);
    }
}
