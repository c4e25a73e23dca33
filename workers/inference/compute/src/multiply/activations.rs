//! Activations in the layout of the loops.

use crate::layout::PART;
use crate::lines::{CacheLine, Scratch, with_lines};

/// How many columns a tile processes at a time. It is a multiple of every format's block.
pub(super) const DEPTH: usize = 256;
pub(super) const DEPTH_LINES: usize = DEPTH / 16;

thread_local! {
    static PACKED: Scratch = const { Scratch::new(Vec::new()) };
}

/// Rows of activations in aligned lines, padded with zeros to a whole part. For each run of `DEPTH`
/// columns, all rows' runs lie one after the other, so that the rows of a tile don't fall on the
/// same cache sets.
#[derive(Clone, Copy)]
pub(super) struct Activations<'a> {
    lines: &'a [CacheLine],
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

    /// Returns a run of columns of `row`, followed by those of the later rows.
    pub(super) fn run(&self, number: usize, row: usize) -> &'a [CacheLine] {
        &self.lines[number * self.rows * DEPTH_LINES + row * self.run_lines(number)..]
    }

    /// Returns how many lines a row has in this run.
    pub(super) fn run_lines(&self, number: usize) -> usize {
        (self.columns - number * DEPTH).min(DEPTH).div_ceil(PART) * PART / 16
    }
}

fn pack(from: &[f32], lines: &mut [CacheLine]) {
    let (whole, rest) = from.as_chunks();
    for (line, floats) in lines.iter_mut().zip(whole) {
        line.0 = *floats;
    }
    for line in &mut lines[whole.len()..] {
        *line = CacheLine::ZERO;
    }
    if !rest.is_empty() {
        lines[whole.len()].0[..rest.len()].copy_from_slice(rest);
    }
}
