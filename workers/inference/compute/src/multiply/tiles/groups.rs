//! All rows of activations as digits.

use super::digits::{self, DIGITS, Digits, GROUP, Group, Lines, TILE};
use super::few::FEW;
use super::quants::Quants;
use crate::lines::{Line, Memory, with_lines};
use crate::simd::LINE;
use crate::threads::Threads;

thread_local! {
    static MEMORY: Memory = const { Memory::new(Vec::new()) };
}

/// A few rows, or any number in groups.
pub(super) struct Groups {
    rows: usize,
    first: Group,
    last: Lines,
    /// So many runs and shares has each group.
    runs: usize,
    shares: usize,
}

// SAFETY: whoever writes has a group of its own, and reading comes after.
unsafe impl Sync for Groups {}

/// Makes digits of the activations, for `work` to multiply by.
pub(super) fn with<Q: Quants>(threads: &Threads, x: &[f32], rows: usize, work: impl FnOnce(&Groups)) {
    let columns = x.len() / rows;
    let (runs, shares) = (columns.div_ceil(Q::RUN), columns / Q::SHARE);
    let groups = rows.div_ceil(GROUP);
    let lines = |bytes: usize| bytes.div_ceil(LINE);
    let scales = lines(groups * runs * size_of::<[f32; DIGITS * GROUP]>());
    let sums = if Q::SHIFTED { lines(groups * shares * size_of::<[f32; GROUP]>()) } else { 0 };
    let few = rows <= FEW;
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
            // SAFETY: there are tiles, and the vectors that come with them; `x` and the group have these rows.
            unsafe { groups.group(number).write::<Q>(x, columns) };
        });
        work(groups);
    });
}

fn first<T>(lines: &mut [Line]) -> *mut T {
    lines.as_mut_ptr().cast()
}

impl Groups {
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Rows of a tile of digits: no more than there are, if each digit has a tile of its own.
    pub(super) fn tile_rows<Q: Quants>(&self) -> usize {
        if Q::WHOLES { TILE.min(self.rows) } else { TILE }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.div_ceil(GROUP)
    }

    pub(super) fn group(&self, number: usize) -> Group {
        let Group { digits, scales, sums, lines, .. } = self.first;
        let rows = GROUP.min(self.rows - number * GROUP);
        // The memory has all groups.
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
