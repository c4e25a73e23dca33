//! All rows of activations as digits.

use super::digits::{self, DIGITS, Digits, GROUP, Group, SumLines, TILE};
use super::few::MAX_FEW_ROWS;
use super::quants::Quants;
use crate::lines::{CacheLine, Scratch, with_lines};
use crate::simd::LINE;
use crate::threads::Threads;

thread_local! {
    static MEMORY: Scratch = const { Scratch::new(Vec::new()) };
}

/// A few rows, or any number of rows in groups.
pub(super) struct Groups {
    rows: usize,
    first: Group,
    last: SumLines,
    /// The number of runs and of scale ranges in each group.
    runs: usize,
    shares: usize,
}

// SAFETY: each writer has its own group, and reading comes after writing.
unsafe impl Sync for Groups {}

/// Converts the activations to digits for `work`.
pub(super) fn with<Q: Quants>(threads: &Threads, x: &[f32], rows: usize, work: impl FnOnce(&Groups)) {
    let columns = x.len() / rows;
    let (runs, shares) = (columns.div_ceil(Q::RUN), columns / Q::SCALE_RANGE);
    let groups = rows.div_ceil(GROUP);
    let lines = |bytes: usize| bytes.div_ceil(LINE);
    let scales = lines(groups * runs * size_of::<[f32; DIGITS * GROUP]>());
    let sums = if Q::HAS_SHIFTS { lines(groups * shares * size_of::<[f32; GROUP]>()) } else { 0 };
    let few = rows <= MAX_FEW_ROWS;
    let totals = if few { lines(shares * size_of::<[i32; DIGITS * GROUP]>()) } else { 0 };
    let digits = lines(DIGITS * columns * if few { rows } else { groups * GROUP });
    with_lines(&MEMORY, scales + sums + totals + digits, |memory| {
        let (scales, memory) = memory.split_at_mut(scales);
        let (sums, memory) = memory.split_at_mut(sums);
        let (totals, digits) = memory.split_at_mut(totals);
        let digits = if few {
            Digits::Rows { digits: first(digits), totals: first(totals) }
        } else {
            Digits::Tiles { digits: first(digits), columns }
        };
        let whole = &digits::lines(GROUP.min(rows));
        let group =
            Group { rows: GROUP.min(rows), digits, scales: first(scales), sums: first(sums), lines: whole };
        let last = digits::lines(rows - (groups - 1) * GROUP);
        let groups = &Groups { rows, first: group, last, runs, shares };
        threads.each(groups.len(), |number| {
            let x = x[number * GROUP * columns..].as_ptr();
            // SAFETY: the processor has tiles, and the vectors that come with them. `x` and the
            // group have these rows.
            unsafe { groups.group(number).write::<Q>(x, columns) };
        });
        work(groups);
    });
}

fn first<T>(lines: &mut [CacheLine]) -> *mut T {
    lines.as_mut_ptr().cast()
}

impl Groups {
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the rows in a tile of digits. If each digit has its own tile, these are only the
    /// existing rows.
    pub(super) fn tile_rows<Q: Quants>(&self) -> usize {
        if Q::HAS_INT_SCALES { TILE.min(self.rows) } else { TILE }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.div_ceil(GROUP)
    }

    pub(super) fn group(&self, number: usize) -> Group {
        let Group { digits, scales, sums, lines, .. } = self.first;
        let rows = GROUP.min(self.rows - number * GROUP);
        // The memory is large enough for all groups.
        let digits = match digits {
            Digits::Tiles { digits, columns } => {
                let before = number * DIGITS * GROUP * columns;
                Digits::Tiles { digits: digits.wrapping_add(before), columns }
            }
            all @ Digits::Rows { .. } => all,
        };
        let scales = scales.wrapping_add(number * self.runs);
        let lines = if rows == GROUP { lines } else { &self.last };
        Group { rows, digits, scales, sums: sums.wrapping_add(number * self.shares), lines }
    }
}
