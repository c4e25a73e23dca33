//! Products of quantised weights by the processor's tiles.
//!
//! A run of columns adds to an element of the product for each digit of the activations, the highest first: the sum over
//! its blocks, in order, of the whole number that a block's quants and digits make, exactly, times the block's scale; and
//! that times the activations' scale. A block of 256 adds once for all digits, whose whole numbers are put together before
//! they are floats. Where it happens, in a tile or in a vector, changes nothing, so a row's result is the same to the
//! bit alone, in any batch and on any number of threads.

mod digits;
mod few;
mod groups;
mod planes;
mod quants;
mod tile;

use std::arch::x86_64::*;

use digits::{Digits, GROUP, SUMS, TILE};
use few::{FEW, Few};
use groups::Groups;
use quants::{Quants, ROWS, Rows, Unpacked, split};
use tile::RING;

use super::Out;
use crate::format::Format;
use crate::lines::{Memory, with_lines};
use crate::matrix::Matrix;
use crate::simd::amx::Shapes;
use crate::simd::{LINE, prefetch};
use crate::threads::Threads;

/// What a thread takes at a time, in bytes of weights.
const TAKE: usize = 64 << 10;
/// Sixteens of the weights' rows that a run of several groups' digits meets before the next run.
const PANELS: usize = 4;

thread_local! {
    static MEMORY: Memory = const { Memory::new(Vec::new()) };
}

/// Evaluates an expression with the type of a format's quants, or another for plain floats.
macro_rules! with_quants {
    ($format:expr, $quants:ident => $result:expr, $otherwise:expr) => {
        with_quants!($format, $quants => $result, $otherwise; Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2K Q3K Q4K Q5K Q6K)
    };
    ($format:expr, $quants:ident => $result:expr, $otherwise:expr; $($name:ident)*) => {
        match $format {
            $(Format::$name => {
                type $quants = crate::layout::$name;
                $result
            })*
            Format::F32 | Format::F16 | Format::Bf16 => $otherwise,
        }
    };
}

/// Whether these weights can be multiplied so.
pub(super) fn takes(w: &Matrix) -> bool {
    // Rows are taken sixteen at a time, by offsets of 32 bits.
    let fits = w.rows() >= ROWS && w.row_bytes() < 1 << 27;
    fits && with_quants!(w.format(), _Q => true, false)
}

/// # Safety
/// There are tiles, and [`takes`] says yes. `x` has `rows` rows, and `out` a place for each pair of rows.
pub(super) unsafe fn run(threads: &Threads, x: &[f32], rows: usize, w: &Matrix, out: Out) {
    with_quants!(w.format(), Q => groups::with::<Q>(threads, x, rows, |x| {
        let panels = w.rows().div_ceil(ROWS);
        let at_once = if x.len() > 1 { PANELS } else { 1 };
        let take = TAKE.div_ceil(ROWS * w.row_bytes()).next_multiple_of(at_once);
        let take = take.min(panels.div_ceil(4 * threads.count()));
        let bytes = w.bytes();
        threads.each(panels.div_ceil(take), |item| {
            let first = item * take;
            let panels = (first, panels.min(first + take));
            let piece = Piece { w, bytes, x, out, panels, at_once };
            // SAFETY: there are tiles, and the vectors that come with them.
            unsafe { piece.run::<Q>() };
        });
    }), unreachable!("`takes` says no"));
}

/// Columns of a run: the first, and how many.
#[derive(Clone, Copy)]
struct Run {
    column: usize,
    width: usize,
}

/// What a thread takes at a time.
struct Piece<'a> {
    w: &'a Matrix,
    bytes: &'a [u8],
    x: &'a Groups,
    out: Out,
    /// Sixteens of the weights' rows: the first, and the one after the last.
    panels: (usize, usize),
    /// Sixteens that are multiplied together.
    at_once: usize,
}

/// Memory to multiply sixteen rows of weights in.
struct Bench {
    weights: Unpacked,
    /// Both planes of the quants, if the format has such.
    planes: *mut i8,
    /// Products on their way from the tiles.
    products: *mut i32,
    /// [`SUMS`] lines for each group.
    sums: *mut f32,
}

impl Piece<'_> {
    /// # Safety
    /// There are tiles; the rest is as [`run`] says.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn run<Q: Quants>(&self) {
        let at_once = self.at_once;
        let quants = Q::RUN * ROWS / LINE;
        let planes = if Q::WHOLES { 2 * quants } else { 0 };
        let shares = Q::RUN / Q::SHARE;
        let sums = self.x.len() * SUMS;
        let each = quants + planes + 3 * shares + sums;
        with_lines(&MEMORY, RING * TILE + at_once * each, |memory| {
            let (products, memory) = memory.split_at_mut(RING * TILE);
            let products = products.as_mut_ptr().cast();
            let mut benches = [const { None }; PANELS];
            for (bench, memory) in benches.iter_mut().zip(memory.chunks_exact_mut(each)) {
                let (quants, memory) = memory.split_at_mut(quants);
                let (planes, memory) = memory.split_at_mut(planes);
                let (wholes, memory) = memory.split_at_mut(shares);
                let (scales, memory) = memory.split_at_mut(shares);
                let (shifts, sums) = memory.split_at_mut(shares);
                let weights = Unpacked {
                    quants: quants.as_mut_ptr().cast(),
                    wholes: wholes.as_mut_ptr().cast(),
                    scales: scales.as_mut_ptr().cast(),
                    shifts: shifts.as_mut_ptr().cast(),
                };
                let planes = planes.as_mut_ptr().cast();
                *bench = Some(Bench { weights, planes, products, sums: sums.as_mut_ptr().cast() });
            }
            // SAFETY: there are tiles; the benches have room for a run of weights and for all sums.
            unsafe {
                let _shapes = (self.x.rows() > FEW).then(|| Shapes::new(self.x.tile_rows::<Q>(), Q::DEPTH));
                for first in (self.panels.0..self.panels.1).step_by(at_once) {
                    self.panels::<Q>(first, at_once.min(self.panels.1 - first), &benches);
                }
            }
        });
    }

    /// Multiplies `count` sixteens of the weights' rows by all groups.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn panels<Q: Quants>(&self, first: usize, count: usize, benches: &[Option<Bench>; PANELS]) {
        // Where fewer than sixteen are left, the last sixteen.
        let row = |number: usize| ((first + number) * ROWS).min(self.w.rows() - ROWS);
        let benches = || benches.iter().flatten().take(count).enumerate();
        for (_, bench) in benches() {
            // SAFETY: the bench has so many lines of sums.
            unsafe { bench.sums.write_bytes(0, self.x.len() * SUMS * ROWS) };
        }
        for column in (0..self.w.columns()).step_by(Q::RUN) {
            let run = Run { column, width: Q::RUN.min(self.w.columns() - column) };
            self.expect(column / Q::RUN, self.w.columns().div_ceil(Q::RUN), row(0), count);
            // SAFETY: as the caller says.
            unsafe {
                if let Digits::Rows { digits, totals } = self.x.group(0).digits {
                    for (number, bench) in benches() {
                        let sixteen = self.sixteen(row(number), count * ROWS);
                        let few = Few { group: &self.x.group(0), digits, totals, sixteen, run, bench };
                        match self.x.rows() {
                            1 => few.add_run::<Q, 3>(),
                            2 => few.add_run::<Q, 6>(),
                            3 => few.add_run::<Q, 9>(),
                            _ => few.add_run::<Q, 12>(),
                        }
                    }
                    continue;
                }
                for (number, bench) in benches() {
                    self.sixteen(row(number), count * ROWS).unpack_run::<Q>(run, bench);
                }
                if Q::WHOLES {
                    planes::add_run::<Q>(self.x, column, benches().map(|(_, bench)| bench));
                    continue;
                }
                for number in 0..self.x.len() {
                    let group = self.x.group(number);
                    if let Digits::Tiles { digits, columns } = group.digits {
                        let benches = benches().map(|(_, bench)| bench);
                        let sums = number * SUMS;
                        tile::add_run::<Q>(&group, (digits, columns), run, benches, sums);
                    }
                }
            }
        }
        for (number, bench) in benches() {
            let known = (first + number) * ROWS - row(number);
            // SAFETY: all sums are there.
            unsafe { self.finish(row(number), known, bench.sums) };
        }
    }

    /// The rows from `first` on; those that a thread takes next lie `next` rows further.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn sixteen(&self, first: usize, next: usize) -> Sixteen {
        let stride = self.w.row_bytes();
        let at = |row: usize| self.bytes.as_ptr().wrapping_add(row * stride);
        Sixteen { rows: Rows::new(at(first), stride), next: at(first + next) }
    }

    /// Asks for a part of the places where sums go, so that they are there when all parts have been asked for: each row's lie
    /// on a page of its own.
    fn expect(&self, part: usize, parts: usize, first: usize, count: usize) {
        for row in (part..self.x.rows()).step_by(parts) {
            let to = self.out.first.wrapping_add(row * self.out.stride + first);
            for sixteen in 0..count {
                prefetch(to.wrapping_add(sixteen * ROWS).cast());
            }
        }
    }

    /// Hands out the sums. Of the sixteen rows of weights, `known` have been before.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn finish(&self, first: usize, known: usize, sums: *const f32) {
        let new: __mmask16 = u16::MAX << known;
        for number in 0..self.x.len() {
            let group = self.x.group(number);
            for row in 0..group.rows {
                // SAFETY: there is a line for each row, and `out` has a place for these rows of weights.
                unsafe {
                    let sum = _mm512_load_ps(sums.add((number * SUMS + row) * ROWS));
                    let to = (number * GROUP + row) * self.out.stride + first;
                    _mm512_mask_storeu_ps(self.out.first.add(to), new, sum);
                }
            }
        }
    }
}

/// Sixteen rows of weights.
#[derive(Clone, Copy)]
struct Sixteen {
    rows: Rows,
    /// Where those lie that a thread takes next.
    next: *const u8,
}

impl Sixteen {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack_run<Q: Quants>(&self, run: Run, bench: &Bench) {
        for column in (0..run.width).step_by(Q::VALUES) {
            // SAFETY: the rows have this block, and the memory has room for a run.
            unsafe {
                self.unpack::<Q>(run.column + column, bench.weights.after::<Q>(column));
                if Q::WHOLES {
                    split::<Q>(bench.weights, bench.planes);
                }
            }
        }
    }

    /// Unpacks the block at `column`, and asks for as much of the rows that come next, from end to end: these are read
    /// in step, as no prefetcher would guess.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack<Q: Quants>(&self, column: usize, to: Unpacked) {
        let block = column / Q::VALUES;
        let from = block * ROWS * Q::BYTES;
        for line in from.div_ceil(LINE)..(from + ROWS * Q::BYTES).div_ceil(LINE) {
            prefetch(self.next.wrapping_add(line * LINE));
        }
        // SAFETY: as the caller says.
        unsafe { Q::unpack(self.rows.after(block * Q::BYTES), to) };
    }
}
