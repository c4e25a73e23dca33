//! Products of quantised weights with the processor's matrix tiles.
//!
//! For each digit of the activations, the highest first, a run of columns adds to an element of the
//! product. It adds the sum over its blocks, in order, of the exact integer product of the block's
//! quants and digits times the block's scale. That sum is multiplied by the activations' scale. A
//! block of 256 adds once for all digits, whose integers are combined before they become floats.
//! Tiles and vectors compute the same integers, so a row's result is bitwise identical alone, in
//! any batch and on any number of threads.

mod digits;
mod few;
mod groups;
mod planes;
mod quants;
mod tile;

use std::arch::x86_64::*;

use digits::{Digits, GROUP, SUMS, TILE};
use few::{FewRows, MAX_FEW_ROWS};
use groups::Groups;
use quants::{Quants, ROWS, Rows, Unpacked, split};
use tile::RING;

use super::OutputPtr;
use crate::format::Format;
use crate::lines::{Scratch, with_lines};
use crate::matrix::Matrix;
use crate::simd::amx::Shapes;
use crate::simd::{LINE, prefetch};
use crate::threads::Threads;

/// The bytes of weights that a thread takes at a time.
const ITEM_BYTES: usize = 64 << 10;
/// How many panels of sixteen weight rows are multiplied with a run of several groups' digits
/// before the next run.
const PANELS: usize = 4;

thread_local! {
    static MEMORY: Scratch = const { Scratch::new(Vec::new()) };
}

/// Evaluates an expression with the type of a format's quants, or another expression for plain
/// floats.
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

/// Returns whether these weights can be multiplied with tiles.
pub(super) fn takes(w: &Matrix) -> bool {
    // Rows are taken in panels of sixteen, with 32-bit offsets.
    let fits = w.rows() >= ROWS && w.row_bytes() < 1 << 27;
    fits && with_quants!(w.format(), _Q => true, false)
}

/// # Safety
///
/// The processor has tiles, and [`takes`] returned true. `x` has `rows` rows, and `out` a place for
/// each pair of rows.
pub(super) unsafe fn run(threads: &Threads, x: &[f32], rows: usize, w: &Matrix, out: OutputPtr) {
    with_quants!(w.format(), Q => groups::with::<Q>(threads, x, rows, |x| {
        let panels = w.rows().div_ceil(ROWS);
        let at_once = if x.len() > 1 { PANELS } else { 1 };
        let take = ITEM_BYTES.div_ceil(ROWS * w.row_bytes()).next_multiple_of(at_once);
        let take = take.min(panels.div_ceil(4 * threads.count()));
        let bytes = w.bytes();
        threads.each(panels.div_ceil(take), |item| {
            let first = item * take;
            let panels = (first, panels.min(first + take));
            let item = WorkItem { w, bytes, x, out, panels, at_once };
            // SAFETY: the processor has tiles, and the vectors that come with them.
            unsafe { item.run::<Q>() };
        });
    }), unreachable!("`takes` says no"));
}

/// The columns of a run: the first, and how many.
#[derive(Clone, Copy)]
struct Run {
    column: usize,
    width: usize,
}

/// The work that a thread takes at a time.
struct WorkItem<'a> {
    w: &'a Matrix,
    bytes: &'a [u8],
    x: &'a Groups,
    out: OutputPtr,
    /// Panels of sixteen weight rows: the first, and the one after the last.
    panels: (usize, usize),
    /// How many panels are multiplied together.
    at_once: usize,
}

/// Buffers for multiplying sixteen rows of weights.
struct PanelBuffers {
    weights: Unpacked,
    /// Both planes of the quants, if the format has them.
    planes: *mut i8,
    /// Products that were stored from the tiles.
    products: *mut i32,
    /// [`SUMS`] lines for each group.
    sums: *mut f32,
}

impl WorkItem<'_> {
    /// # Safety
    ///
    /// The processor has tiles. For the rest, see [`run`].
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn run<Q: Quants>(&self) {
        let at_once = self.at_once;
        let quants = Q::RUN * ROWS / LINE;
        let planes = if Q::HAS_INT_SCALES { 2 * quants } else { 0 };
        let shares = Q::RUN / Q::SCALE_RANGE;
        let sums = self.x.len() * SUMS;
        let each = quants + planes + 3 * shares + sums;
        with_lines(&MEMORY, RING * TILE + at_once * each, |memory| {
            let (products, memory) = memory.split_at_mut(RING * TILE);
            let products = products.as_mut_ptr().cast();
            let mut all_buffers = [const { None }; PANELS];
            for (buffers, memory) in all_buffers.iter_mut().zip(memory.chunks_exact_mut(each)) {
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
                *buffers = Some(PanelBuffers { weights, planes, products, sums: sums.as_mut_ptr().cast() });
            }
            // SAFETY: the processor has tiles. The buffers have room for a run of weights and for
            // all sums.
            unsafe {
                let _shapes =
                    (self.x.rows() > MAX_FEW_ROWS).then(|| Shapes::new(self.x.tile_rows::<Q>(), Q::DEPTH));
                for first in (self.panels.0..self.panels.1).step_by(at_once) {
                    self.panels::<Q>(first, at_once.min(self.panels.1 - first), &all_buffers);
                }
            }
        });
    }

    /// Multiplies `count` panels of weight rows with all groups.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    unsafe fn panels<Q: Quants>(
        &self,
        first: usize,
        count: usize,
        all_buffers: &[Option<PanelBuffers>; PANELS],
    ) {
        // If fewer than sixteen rows are left, the last sixteen are used.
        let row = |number: usize| ((first + number) * ROWS).min(self.w.rows() - ROWS);
        let all_buffers = || all_buffers.iter().flatten().take(count).enumerate();
        for (_, buffers) in all_buffers() {
            // SAFETY: the buffer has this many lines of sums.
            unsafe { buffers.sums.write_bytes(0, self.x.len() * SUMS * ROWS) };
        }
        for column in (0..self.w.columns()).step_by(Q::RUN) {
            let run = Run { column, width: Q::RUN.min(self.w.columns() - column) };
            self.prefetch_output(column / Q::RUN, self.w.columns().div_ceil(Q::RUN), row(0), count);
            // SAFETY: guaranteed by the caller.
            unsafe {
                if let Digits::Rows { digits, totals } = self.x.group(0).digits {
                    for (number, buffers) in all_buffers() {
                        let row_panel = self.row_panel(row(number), count * ROWS);
                        let few =
                            FewRows { group: &self.x.group(0), digits, totals, row_panel, run, buffers };
                        match self.x.rows() {
                            1 => few.add_run::<Q, 3>(),
                            2 => few.add_run::<Q, 6>(),
                            3 => few.add_run::<Q, 9>(),
                            _ => few.add_run::<Q, 12>(),
                        }
                    }
                    continue;
                }
                for (number, buffers) in all_buffers() {
                    self.row_panel(row(number), count * ROWS).unpack_run::<Q>(run, buffers);
                }
                if Q::HAS_INT_SCALES {
                    planes::add_run::<Q>(self.x, column, all_buffers().map(|(_, buffers)| buffers));
                    continue;
                }
                for number in 0..self.x.len() {
                    let group = self.x.group(number);
                    if let Digits::Tiles { digits, columns } = group.digits {
                        let all_buffers = all_buffers().map(|(_, buffers)| buffers);
                        let sums = number * SUMS;
                        tile::add_run::<Q>(&group, (digits, columns), run, all_buffers, sums);
                    }
                }
            }
        }
        for (number, buffers) in all_buffers() {
            let known = (first + number) * ROWS - row(number);
            // SAFETY: all sums are complete.
            unsafe { self.finish(row(number), known, buffers.sums) };
        }
    }

    /// Returns the panel from row `first` on. The thread's next rows are `next` rows further.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn row_panel(&self, first: usize, next: usize) -> RowPanel {
        let stride = self.w.row_bytes();
        let at = |row: usize| self.bytes.as_ptr().wrapping_add(row * stride);
        RowPanel { rows: Rows::new(at(first), stride), next: at(first + next) }
    }

    /// Prefetches a part of the places for the sums, so that all are there once all parts were
    /// prefetched. Each row's place is on a page of its own.
    fn prefetch_output(&self, part: usize, parts: usize, first: usize, count: usize) {
        for row in (part..self.x.rows()).step_by(parts) {
            let to = self.out.first.wrapping_add(row * self.out.stride + first);
            for row_panel in 0..count {
                prefetch(to.wrapping_add(row_panel * ROWS).cast());
            }
        }
    }

    /// Writes the sums to the output. The first `known` of the sixteen rows were already written.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn finish(&self, first: usize, known: usize, sums: *const f32) {
        let new: __mmask16 = u16::MAX << known;
        for number in 0..self.x.len() {
            let group = self.x.group(number);
            for row in 0..group.rows {
                // SAFETY: there is a line for each row, and `out` has a place for these rows of
                // weights.
                unsafe {
                    let sum = _mm512_load_ps(sums.add((number * SUMS + row) * ROWS));
                    let to = (number * GROUP + row) * self.out.stride + first;
                    _mm512_mask_storeu_ps(self.out.first.add(to), new, sum);
                }
            }
        }
    }
}

/// A panel of sixteen rows of weights.
#[derive(Clone, Copy)]
struct RowPanel {
    rows: Rows,
    /// The start of the rows that the thread takes next.
    next: *const u8,
}

impl RowPanel {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack_run<Q: Quants>(&self, run: Run, buffers: &PanelBuffers) {
        for column in (0..run.width).step_by(Q::VALUES) {
            // SAFETY: the rows have this block, and the memory has room for a run.
            unsafe {
                self.unpack::<Q>(run.column + column, buffers.weights.after::<Q>(column));
                if Q::HAS_INT_SCALES {
                    split::<Q>(buffers.weights, buffers.planes);
                }
            }
        }
    }

    /// Unpacks the block at `column`, and prefetches as much of the next rows. Those are read in an
    /// order that a hardware prefetcher can't predict.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    unsafe fn unpack<Q: Quants>(&self, column: usize, to: Unpacked) {
        let block = column / Q::VALUES;
        let from = block * ROWS * Q::BYTES;
        for line in from.div_ceil(LINE)..(from + ROWS * Q::BYTES).div_ceil(LINE) {
            prefetch(self.next.wrapping_add(line * LINE));
        }
        // SAFETY: guaranteed by the caller.
        unsafe { Q::unpack(self.rows.after(block * Q::BYTES), to) };
    }
}
