//! Several rows of activations: a piece of the weights is widened into the first cache, then meets them all in tiles
//! that stay in registers.

use std::ops::Range;

use super::Out;
use super::activations::{Activations, DEPTH, DEPTH_LINES};
use crate::layout::widen;
use crate::lines::{Line, Memory, with_lines};
use crate::matrix::Matrix;
use crate::simd::{LINE, Simd, Unpack, dispatch, prefetch};
use crate::threads::Threads;

/// Rows of weights that are widened together.
const GROUP: usize = 16;
/// Rows of activations, and their floats, that stay in the second cache while the weights pass.
const BATCH: usize = 96;
const BATCH_FLOATS: usize = 256 << 10;

thread_local! {
    /// The widened weights, and a sum for each pair of rows.
    static MEMORY: Memory = const { Memory::new(Vec::new()) };
}

pub(super) fn run(threads: &Threads, x: Activations<'_>, w: &Matrix, out: Out) {
    let batch = (BATCH_FLOATS / w.columns().max(1)).clamp(24, BATCH);
    let (groups, bytes) = (w.rows().div_ceil(GROUP), w.bytes());
    threads.each(groups * x.rows.div_ceil(batch), |item| {
        let (group, first) = (item % groups * GROUP, item / groups * batch);
        let piece = Piece {
            w,
            bytes,
            x,
            out,
            group: (group, GROUP.min(w.rows() - group)),
            batch: (first, batch.min(x.rows - first)),
        };
        let piece = &piece;
        with_lines(&MEMORY, GROUP * (DEPTH_LINES + piece.batch.1), |memory| {
            dispatch!(threads.isa(), one_piece(piece: &Piece<'_>, memory: &mut [Line]));
        });
    });
}

/// What a thread takes at a time.
struct Piece<'a> {
    w: &'a Matrix,
    bytes: &'a [u8],
    x: Activations<'a>,
    out: Out,
    /// The first row of the weights, and how many.
    group: (usize, usize),
    /// The first row of activations, and how many.
    batch: (usize, usize),
}

impl Piece<'_> {
    /// Asks for some of the group's rows from a column on, to be widened after this run; past the last column, for those
    /// of the group that comes next.
    #[inline(always)]
    fn ask_ahead(&self, column: usize, rows: Range<usize>) {
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
/// The rows are there, `out` has a place for each pair of them, and `memory` has the lines that `run` asks for.
#[inline(always)]
unsafe fn one_piece<S: Unpack>(piece: &Piece<'_>, memory: &mut [Line]) {
    // A narrower set has half as many registers, or fewer, and takes several to a vector.
    if S::LANES == 16 {
        unsafe { all_runs::<S, 4, 6>(piece, memory) }
    } else {
        unsafe { all_runs::<S, 2, 2>(piece, memory) }
    }
}

#[inline(always)]
unsafe fn all_runs<S: Unpack, const ROWS: usize, const BATCH: usize>(piece: &Piece<'_>, memory: &mut [Line]) {
    let (widened, sums) = memory.split_at_mut(GROUP * DEPTH_LINES);
    let columns = piece.w.columns();
    for (number, column) in (0..columns).step_by(DEPTH).enumerate() {
        let width = DEPTH.min(columns - column);
        let x = piece.x.run(number, piece.batch.0);
        let lines = piece.x.run_lines(number);
        unsafe { widen_group::<S>(piece, column, width, lines, widened) };
        let mut row = 0;
        while row < piece.batch.1 {
            let left = piece.batch.1 - row;
            // As even as can be: a tile of few rows leaves the multiplier waiting.
            let rows = left.div_ceil(left.div_ceil(BATCH));
            for group in (0..piece.group.1).step_by(ROWS) {
                if row == 0 {
                    piece.ask_ahead(column + DEPTH, group..group + ROWS);
                }
                let tile = Tile {
                    weights: widened[group * lines..].as_ptr().cast(),
                    x: x[row * lines..].as_ptr().cast(),
                    lines,
                    sums: sums[row * GROUP + group..].as_mut_ptr().cast(),
                    begins: number == 0,
                };
                // SAFETY: `widened` has sixteen rows of `lines`, `x` has `rows` from here, and so has `sums`.
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
        for (n, sum) in sums[..piece.group.1].iter().enumerate() {
            // SAFETY: a line is sixteen floats, and the place is this pair's.
            unsafe {
                let at = (piece.batch.0 + row) * piece.out.stride + piece.group.0 + n;
                *piece.out.first.add(at) = S::Wide::load(sum.0.as_ptr()).sum();
            }
        }
    }
}

/// Widens `width` columns of the group's rows to rows of `lines`.
#[inline(always)]
unsafe fn widen_group<S: Unpack>(
    piece: &Piece<'_>,
    column: usize,
    width: usize,
    lines: usize,
    widened: &mut [Line],
) {
    let (format, row_bytes) = (piece.w.format(), piece.w.row_bytes());
    let from = (piece.group.0 * row_bytes) + column / format.block_values() * format.block_bytes();
    for (row, to) in widened.chunks_exact_mut(lines).take(piece.group.1).enumerate() {
        if !width.is_multiple_of(16) || width / 16 < lines {
            to[width / 16..].fill(Line::ZERO);
        }
        // SAFETY: the row has `width` columns from here on, and `to` has room for them.
        unsafe {
            let from = piece.bytes.as_ptr().add(from + row * row_bytes);
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
