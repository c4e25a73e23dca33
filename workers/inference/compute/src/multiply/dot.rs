//! Products of a single row of activations. The weights pass once, so memory bandwidth limits the
//! speed.

use std::hint::black_box;

use super::OutputPtr;
use super::activations::Activations;
use crate::format::Format;
use crate::layout::{Layout, PART, each_part, tail, with_layout};
use crate::lines::CacheLine;
use crate::matrix::Matrix;
use crate::simd::{LINE, Unpack, dispatch, prefetch};
use crate::threads::Threads;

/// How many rows of weights are processed together, so that the multiplier never waits for a sum.
const ROWS: usize = 4;
/// The bytes of weights that a thread takes at a time. It is large enough to make taking cheap, and
/// small enough that the threads end together.
const ITEM_BYTES: usize = 64 << 10;

pub(super) fn run(threads: &Threads, x: Activations<'_>, w: &Matrix, out: OutputPtr) {
    let (bytes, row_bytes) = (w.bytes(), w.row_bytes());
    let take = (ITEM_BYTES / row_bytes).next_multiple_of(ROWS).max(ROWS);
    threads.each(w.rows().div_ceil(take), |item| {
        let first = item * take;
        let rows = take.min(w.rows() - first);
        let weights = Weights {
            format: w.format(),
            bytes: &bytes[first * row_bytes..][..rows * row_bytes],
            rows,
            columns: w.columns(),
        };
        let x = x.run(0, 0);
        // SAFETY: the rows are among those of `w`, and each has its own place in `out`.
        let out = unsafe { std::slice::from_raw_parts_mut({ out }.first.add(first), rows) };
        dispatch!(threads.isa(), some_rows(weights: Weights<'_>, x: &[CacheLine], out: &mut [f32]));
    });
}

/// The rows that a thread took.
#[derive(Clone, Copy)]
struct Weights<'a> {
    format: Format,
    bytes: &'a [u8],
    rows: usize,
    columns: usize,
}

/// # Safety
///
/// The bytes are the rows' whole blocks. `x` has lines for all columns. `out` has one place per
/// row.
#[inline(always)]
unsafe fn some_rows<S: Unpack>(weights: Weights<'_>, x: &[CacheLine], out: &mut [f32]) {
    let row_bytes = weights.bytes.len() / weights.rows;
    let (bytes, x, columns) = (weights.bytes.as_ptr(), x.as_ptr().cast(), weights.columns);
    unsafe {
        with_layout!(weights.format, L => {
            let (fours, rest) = out.as_chunks_mut::<ROWS>();
            let first_of_rest = fours.len() * ROWS;
            for (four, out) in fours.iter_mut().enumerate() {
                *out = dot::<S::Wide, L, ROWS>(bytes.add(four * ROWS * row_bytes), row_bytes, x, columns);
            }
            for (row, out) in rest.iter_mut().enumerate() {
                [*out] = dot::<S::Wide, L, 1>(bytes.add((first_of_rest + row) * row_bytes), row_bytes, x, columns);
            }
        });
    }
}

#[inline(always)]
unsafe fn dot<S: Unpack, L: Layout, const ROWS: usize>(
    rows: *const u8,
    row_bytes: usize,
    x: *const f32,
    columns: usize,
) -> [f32; ROWS] {
    unsafe {
        let mut sums = [S::splat(0.0); ROWS];
        let blocks = columns / L::VALUES;
        for block in 0..blocks {
            // Prefetches the same place in the next rows, each line once.
            for line in (block * L::BYTES).div_ceil(LINE)..((block + 1) * L::BYTES).div_ceil(LINE) {
                for row in ROWS..2 * ROWS {
                    prefetch(rows.wrapping_add(row * row_bytes + line * LINE));
                }
            }
            let (rows, x) = (rows.add(block * L::BYTES), x.add(block * L::VALUES));
            let mut scales = [L::scales::<S>(rows); ROWS];
            for (row, scales) in scales.iter_mut().enumerate().skip(1) {
                *scales = L::scales::<S>(rows.add(row * row_bytes));
            }
            // A part is processed row by row, so that a row's sum is ready when its turn comes
            // again.
            each_part!(L, part => {
                // Otherwise the compiler unpacks the whole block first and runs out of registers.
                if L::VALUES > PART && part.is_multiple_of(2) {
                    black_box(&scales);
                }
                let (low_x, high_x) = (S::load(x.add(part * PART)), S::load(x.add(part * PART + PART / 2)));
                for (row, sum) in sums.iter_mut().enumerate() {
                    let [low, high] = L::part(rows.add(row * row_bytes), &scales[row], part);
                    *sum = low.mul_add(low_x, *sum);
                    *sum = high.mul_add(high_x, *sum);
                }
            });
        }
        let left = columns - blocks * L::VALUES;
        if left > 0 {
            let x = x.add(blocks * L::VALUES);
            for (row, sum) in sums.iter_mut().enumerate() {
                let [low, high] = tail::<S, L>(rows.add(row * row_bytes + blocks * L::BYTES), left);
                *sum = low.mul_add(S::load(x), *sum);
                *sum = high.mul_add(S::load(x.add(PART / 2)), *sum);
            }
        }
        let mut out = [0.0; ROWS];
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = sum.sum();
        }
        out
    }
}
