//! Products of several rows of activations. A part of the weights is widened into the first-level
//! cache, and then multiplied with all rows in register tiles.

use std::ops::Range;

use super::OutputPtr;
use super::activations::{Activations, DEPTH, DEPTH_LINES};
use crate::layout::widen;
use crate::lines::{CacheLine, Scratch, with_lines};
use crate::matrix::Matrix;
use crate::simd::{LINE, Simd, Unpack, dispatch, prefetch};
use crate::threads::Threads;

/// How many rows of weights are widened together.
const GROUP: usize = 16;
/// How many rows of activations, and how many of their floats, stay in the second-level cache while
/// the weights pass.
const BATCH: usize = 96;
const BATCH_FLOATS: usize = 256 << 10;

thread_local! {
    /// The widened weights, and a sum for each pair of rows.
    static MEMORY: Scratch = const { Scratch::new(Vec::new()) };
}

pub(super) fn run(threads: &Threads, x: Activations<'_>, w: &Matrix, out: OutputPtr) {
    let batch = (BATCH_FLOATS / w.columns().max(1)).clamp(24, BATCH);
    let (groups, bytes) = (w.rows().div_ceil(GROUP), w.bytes());
    threads.each(groups * x.rows.div_ceil(batch), |item| {
        let (group, first) = (item % groups * GROUP, item / groups * batch);
        let item = WorkItem {
            w,
            bytes,
            x,
            out,
            group: (group, GROUP.min(w.rows() - group)),
            batch: (first, batch.min(x.rows - first)),
        };
        let item = &item;
        with_lines(&MEMORY, GROUP * (DEPTH_LINES + item.batch.1), |memory| {
            dispatch!(threads.isa(), one_piece(item: &WorkItem<'_>, memory: &mut [CacheLine]));
        });
    });
}

/// The work that a thread takes at a time.
struct WorkItem<'a> {
    w: &'a Matrix,
    bytes: &'a [u8],
    x: Activations<'a>,
    out: OutputPtr,
    /// The first row of the weights, and how many rows.
    group: (usize, usize),
    /// The first row of activations, and how many rows.
    batch: (usize, usize),
}

impl WorkItem<'_> {
    /// Prefetches some of the group's rows from a column on, which are widened after this run.
    /// Beyond the last column it prefetches rows of the next group.
    #[inline(always)]
    fn prefetch_ahead(&self, column: usize, rows: Range<usize>) {
        let (format, row_bytes) = (self.w.format(), self.w.row_bytes());
        let (first, column) = if column < self.w.columns() { (0, column) } else { (GROUP, 0) };
        let from = column / format.block_values() * format.block_bytes();
        let run = DEPTH / format.block_values() * format.block_bytes();
        for row in rows {
            let at = (self.group.0 + first + row) * row_bytes + from;
            for byte in (0..run).step_by(LINE) {
                prefetch(self.bytes.as_ptr().wrapping_add(at + byte));
            }
        }
    }
}

/// # Safety
///
/// The rows exist, `out` has a place for each pair of them, and `memory` has the lines that `run`
/// needs.
#[inline(always)]
unsafe fn one_piece<S: Unpack>(item: &WorkItem<'_>, memory: &mut [CacheLine]) {
    // A narrower instruction set has at most half the registers and needs several per vector.
    if S::LANES == 16 {
        unsafe { all_runs::<S, 4, 6>(item, memory) }
    } else {
        unsafe { all_runs::<S, 2, 2>(item, memory) }
    }
}

#[inline(always)]
unsafe fn all_runs<S: Unpack, const ROWS: usize, const BATCH: usize>(
    item: &WorkItem<'_>,
    memory: &mut [CacheLine],
) {
    let (widened, sums) = memory.split_at_mut(GROUP * DEPTH_LINES);
    let columns = item.w.columns();
    for (number, column) in (0..columns).step_by(DEPTH).enumerate() {
        let width = DEPTH.min(columns - column);
        let x = item.x.run(number, item.batch.0);
        let lines = item.x.run_lines(number);
        unsafe { widen_group::<S>(item, column, width, lines, widened) };
        let mut row = 0;
        while row < item.batch.1 {
            let left = item.batch.1 - row;
            // Divides the rows evenly, because a tile of few rows leaves the multiplier waiting.
            let rows = left.div_ceil(left.div_ceil(BATCH));
            for group in (0..item.group.1).step_by(ROWS) {
                if row == 0 {
                    item.prefetch_ahead(column + DEPTH, group..group + ROWS);
                }
                let tile = Tile {
                    weights: widened[group * lines..].as_ptr().cast(),
                    x: x[row * lines..].as_ptr().cast(),
                    lines,
                    sums: sums[row * GROUP + group..].as_mut_ptr().cast(),
                    begins: number == 0,
                };
                // SAFETY: `widened` has sixteen rows of `lines`. `x` and `sums` have `rows` from
                // here.
                unsafe {
                    match rows {
                        6 if BATCH >= 6 => tile.run::<S::Wide, ROWS, 6>(),
                        5 if BATCH >= 5 => tile.run::<S::Wide, ROWS, 5>(),
                        4 if BATCH >= 4 => tile.run::<S::Wide, ROWS, 4>(),
                        3 if BATCH >= 3 => tile.run::<S::Wide, ROWS, 3>(),
                        2 => tile.run::<S::Wide, ROWS, 2>(),
                        _ => tile.run::<S::Wide, ROWS, 1>(),
                    }
                }
            }
            row += rows;
        }
    }
    for (row, sums) in sums.chunks_exact(GROUP).enumerate() {
        for (n, sum) in sums[..item.group.1].iter().enumerate() {
            // SAFETY: a line is sixteen floats, and the place belongs to this pair.
            unsafe {
                let at = (item.batch.0 + row) * item.out.stride + item.group.0 + n;
                *item.out.first.add(at) = S::Wide::load(sum.0.as_ptr()).sum();
            }
        }
    }
}

/// Widens `width` columns of the group's rows to rows of `lines`.
#[inline(always)]
unsafe fn widen_group<S: Unpack>(
    item: &WorkItem<'_>,
    column: usize,
    width: usize,
    lines: usize,
    widened: &mut [CacheLine],
) {
    let (format, row_bytes) = (item.w.format(), item.w.row_bytes());
    let from = (item.group.0 * row_bytes) + column / format.block_values() * format.block_bytes();
    for (row, to) in widened.chunks_exact_mut(lines).take(item.group.1).enumerate() {
        if !width.is_multiple_of(16) || width / 16 < lines {
            to[width / 16..].fill(CacheLine::ZERO);
        }
        // SAFETY: the row has `width` columns from here on, and `to` has room for them.
        unsafe {
            let from = item.bytes.as_ptr().add(from + row * row_bytes);
            widen::<S>(format, from, width, to.as_mut_ptr().cast());
        }
    }
}

struct Tile {
    weights: *const f32,
    x: *const f32,
    lines: usize,
    sums: *mut f32,
    begins: bool,
}

impl Tile {
    #[inline(always)]
    unsafe fn run<S: Simd, const ROWS: usize, const BATCH: usize>(self) {
        unsafe {
            let mut sums = [[S::splat(0.0); ROWS]; BATCH];
            if !self.begins {
                for (m, sums) in sums.iter_mut().enumerate() {
                    for (n, sum) in sums.iter_mut().enumerate() {
                        *sum = S::load(self.sums.add((m * GROUP + n) * 16));
                    }
                }
            }
            for line in 0..self.lines {
                let mut weights = [S::splat(0.0); ROWS];
                for (n, weights) in weights.iter_mut().enumerate() {
                    *weights = S::load(self.weights.add((n * self.lines + line) * 16));
                }
                for (m, sums) in sums.iter_mut().enumerate() {
                    let x = S::load(self.x.add((m * self.lines + line) * 16));
                    for (weights, sum) in weights.iter().zip(sums) {
                        *sum = weights.mul_add(x, *sum);
                    }
                }
            }
            for (m, sums) in sums.into_iter().enumerate() {
                for (n, sum) in sums.into_iter().enumerate() {
                    sum.store(self.sums.add((m * GROUP + n) * 16));
                }
            }
        }
    }
}
