//! Matrix products with a right-hand side that is packed once.
//!
//! The right-hand side is stored in panels of `WIDTH` columns, each contiguous by depth, so a
//! register tile reads it as a stream. The left-hand side is read in place. A tile has up to
//! fourteen rows and two vectors (the shape of Goto and van de Geijn's inner kernel), and stays in
//! registers over the whole depth.

use super::simd::{Isa, Simd, dispatch};

/// Columns in a panel, a multiple of two vectors of every instruction set.
pub(crate) const WIDTH: usize = 32;

/// The packed right-hand side of a product, `depth` x `columns`.
#[derive(Debug, Default)]
pub struct Panels {
    depth: usize,
    columns: usize,
    values: Vec<f32>,
}

impl Panels {
    /// Packs the transpose of a row-major matrix, the storage order of a linear layer's weights.
    pub fn of_transposed(rows: &[f32], depth: usize) -> Self {
        let mut panels = Self::default();
        panels.pack(depth, rows.len() / depth, |column, row| rows[column * depth + row]);
        panels
    }

    /// Packs another matrix into the same memory.
    #[inline(always)]
    pub(crate) fn pack(&mut self, depth: usize, columns: usize, at: impl Fn(usize, usize) -> f32) {
        (self.depth, self.columns) = (depth, columns);
        self.values.clear();
        self.values.resize(columns.div_ceil(WIDTH) * depth * WIDTH, 0.0);
        for (first, panel) in (0..columns).step_by(WIDTH).zip(self.values.chunks_exact_mut(depth * WIDTH)) {
            let width = WIDTH.min(columns - first);
            for (row, values) in panel.chunks_exact_mut(WIDTH).enumerate() {
                for (column, value) in values[..width].iter_mut().enumerate() {
                    *value = at(first + column, row);
                }
            }
        }
    }

    pub fn depth(&self) -> usize {
        self.depth
    }

    pub fn columns(&self) -> usize {
        self.columns
    }
}

/// Computes `out = left * right + bias`. `left` has `right.depth` columns.
///
/// # Panics
///
/// Panics if the lengths don't match.
pub fn affine(isa: Isa, left: &[f32], right: &Panels, bias: &[f32], out: &mut [f32]) {
    let (depth, columns) = (right.depth, right.columns);
    let rows = left.len() / depth;
    assert!(left.len() == rows * depth && out.len() == rows * columns && bias.len() == columns);
    let left = Rows { first: left.as_ptr(), stride: depth };
    let out = out.as_mut_ptr();
    dispatch!(isa, product(rows: usize, left: Rows, right: &Panels, bias: &[f32], out: *mut f32, columns: usize));
}

/// Rows of a matrix, `stride` floats apart.
#[derive(Clone, Copy)]
pub(crate) struct Rows {
    pub(crate) first: *const f32,
    pub(crate) stride: usize,
}

/// Computes `out = left * right + bias`. An empty bias adds nothing.
///
/// # Safety
///
/// `left` has `rows` rows of `right.depth` floats, and `out` has `rows` rows of `right.columns`,
/// `stride` apart.
#[inline(always)]
pub(crate) unsafe fn product<S: Simd>(
    rows: usize,
    left: Rows,
    right: &Panels,
    bias: &[f32],
    out: *mut f32,
    stride: usize,
) {
    unsafe {
        for (first, panel) in
            (0..right.columns).step_by(WIDTH).zip(right.values.chunks_exact(right.depth * WIDTH))
        {
            let width = WIDTH.min(right.columns - first);
            let bias = if bias.is_empty() { bias } else { &bias[first..first + width] };
            // A panel is as wide as two vectors of the widest instruction set. Narrower ones
            // process it in strips.
            for strip in (0..width).step_by(2 * S::LANES) {
                let mut row = 0;
                while row < rows {
                    let tile = Tile {
                        left: left.first.add(row * left.stride),
                        left_stride: left.stride,
                        right: panel.as_ptr().add(strip),
                        depth: right.depth,
                        bias: &bias[strip.min(bias.len())..],
                        out: out.add(row * stride + first + strip),
                        out_stride: stride,
                        width: (width - strip).min(2 * S::LANES),
                    };
                    row += match rows - row {
                        14.. if S::ROWS == 14 => tile.run::<S, 14>(),
                        8.. if S::ROWS == 14 => tile.run::<S, 8>(),
                        6.. => tile.run::<S, 6>(),
                        4.. => tile.run::<S, 4>(),
                        2.. => tile.run::<S, 2>(),
                        _ => tile.run::<S, 1>(),
                    };
                }
            }
        }
    }
}

struct Tile<'a> {
    left: *const f32,
    left_stride: usize,
    right: *const f32,
    depth: usize,
    bias: &'a [f32],
    out: *mut f32,
    out_stride: usize,
    width: usize,
}

impl Tile<'_> {
    /// Computes `ROWS` rows of two vectors and returns `ROWS`.
    #[inline(always)]
    unsafe fn run<S: Simd, const ROWS: usize>(self) -> usize {
        unsafe {
            let mut sums = [[self.start::<S>(0), self.start::<S>(S::LANES)]; ROWS];
            for step in 0..self.depth {
                let low = S::load(self.right.add(step * WIDTH));
                let high = S::load(self.right.add(step * WIDTH + S::LANES));
                for (row, sum) in sums.iter_mut().enumerate() {
                    let factor = S::splat(*self.left.add(row * self.left_stride + step));
                    sum[0] = factor.mul_add(low, sum[0]);
                    sum[1] = factor.mul_add(high, sum[1]);
                }
            }
            for (row, [low, high]) in sums.into_iter().enumerate() {
                let out = self.out.add(row * self.out_stride);
                if self.width == 2 * S::LANES {
                    low.store(out);
                    high.store(out.add(S::LANES));
                } else {
                    let mut lanes = [0.0; WIDTH];
                    low.store(lanes.as_mut_ptr());
                    high.store(lanes.as_mut_ptr().add(S::LANES));
                    out.copy_from_nonoverlapping(lanes.as_ptr(), self.width);
                }
            }
            ROWS
        }
    }

    #[inline(always)]
    unsafe fn start<S: Simd>(&self, from: usize) -> S {
        unsafe {
            if self.bias.len() >= from + S::LANES {
                return S::load(self.bias.as_ptr().add(from));
            }
            let mut lanes = [0.0; WIDTH];
            let bias = &self.bias[from.min(self.bias.len())..];
            lanes[..bias.len()].copy_from_slice(bias);
            S::load(lanes.as_ptr())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_equals_a_plain_implementation() {
        let noise = |seed: usize| move |n: usize| ((n * 7919 + seed) % 1009) as f32 / 1009.0 - 0.5;
        for (rows, depth, columns) in [(1, 1, 1), (2, 3, 5), (13, 32, 33), (29, 17, 64), (27, 40, 100)] {
            let left: Vec<f32> = (0..rows * depth).map(noise(1)).collect();
            let weights: Vec<f32> = (0..columns * depth).map(noise(2)).collect();
            let bias: Vec<f32> = (0..columns).map(noise(3)).collect();
            let panels = Panels::of_transposed(&weights, depth);
            for isa in Isa::available() {
                let mut out = vec![f32::NAN; rows * columns];
                affine(isa, &left, &panels, &bias, &mut out);
                for (at, found) in out.iter().enumerate() {
                    let (row, column) = (at / columns, at % columns);
                    let exact: f32 = (0..depth)
                        .map(|step| left[row * depth + step] * weights[column * depth + step])
                        .sum::<f32>()
                        + bias[column];
                    assert!((found - exact).abs() < 1e-5, "{isa:?} {rows}x{depth}x{columns} at {at}");
                }
            }
        }
    }
}
