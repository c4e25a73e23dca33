//! Products are right, and a row's is the same to the bit in any company.

use cortex_kernel::{Format, Isa, Matrix, Threads, multiply};

use crate::stored::{self, Noise};

/// `x wᵀ` in doubles, and the sum of the sizes of what was added, which bounds the error.
fn exactly(x: &[f32], w: &Matrix) -> Vec<(f64, f64)> {
    let mut row = vec![0.0; w.columns()];
    let mut y = vec![(0.0, 0.0); x.len() / w.columns() * w.rows()];
    for n in 0..w.rows() {
        w.row(n, &mut row);
        for (m, x) in x.chunks_exact(w.columns()).enumerate() {
            let terms = || x.iter().zip(&row).map(|(x, w)| f64::from(*x) * f64::from(*w));
            y[m * w.rows() + n] = (terms().sum(), terms().map(f64::abs).sum());
        }
    }
    y
}

fn product(threads: &Threads, x: &[f32], w: &Matrix) -> Vec<f32> {
    let mut y = vec![f32::NAN; x.len() / w.columns() * w.rows()];
    multiply(threads, x, w, &mut y);
    y
}

#[test]
fn a_product_is_the_schoolbook_one() {
    for isa in Isa::available() {
        let threads = Threads::on(isa, 2).unwrap();
        for format in Format::ALL {
            let columns: &[usize] = match format.block_values() {
                1 => &[1, 15, 31, 32, 77, 512, 1100],
                32 => &[32, 96, 544, 1056],
                _ => &[256, 768, 1280],
            };
            for (seed, &columns) in columns.iter().enumerate() {
                for (batch, rows) in [(1, 1), (1, 37), (2, 5), (7, 16), (9, 35), (50, 18)] {
                    let w = stored::matrix(format, rows, columns, seed as u64);
                    let x = Noise(99).floats(batch * columns);
                    let pairs = product(&threads, &x, &w).into_iter().zip(exactly(&x, &w));
                    for (at, (found, (exact, size))) in pairs.enumerate() {
                        let off = (f64::from(found) - exact).abs();
                        assert!(off <= 2e-6 * size, "{isa:?} {w:?} x {batch} at {at}: {found}, not {exact}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_row_is_the_same_to_the_bit_alone_and_in_a_batch() {
    let (rows, columns) = (70, 1280);
    for isa in Isa::available() {
        let (one, three) = (Threads::on(isa, 1).unwrap(), Threads::on(isa, 3).unwrap());
        for format in Format::ALL {
            let w = stored::matrix(format, rows, columns, 11);
            let x = Noise(5).floats(131 * columns);
            let alone: Vec<f32> = x.chunks_exact(columns).flat_map(|x| product(&one, x, &w)).collect();
            for batch in [2, 3, 4, 5, 6, 7, 8, 13, 64, 131] {
                for threads in [&one, &three] {
                    let together = product(threads, &x[..batch * columns], &w);
                    let same = together.iter().zip(&alone).all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(same, "{isa:?} {} in a batch of {batch}", format.name());
                }
            }
            // Somewhere else in a batch, and as a part of the weights.
            let part = product(&three, &x[3 * columns..12 * columns], &w.slice(13..50));
            for (m, part) in part.chunks_exact(37).enumerate() {
                let whole = &alone[(m + 3) * rows + 13..][..37];
                assert!(part.iter().zip(whole).all(|(a, b)| a.to_bits() == b.to_bits()), "{isa:?} {w:?}");
            }
        }
    }
}

#[test]
fn nothing_times_anything_is_nothing() {
    let threads = Threads::new(2).unwrap();
    let w = stored::matrix(Format::Q8_0, 4, 32, 1);
    multiply(&threads, &[], &w, &mut []);
    multiply(&threads, &[1.0; 64], &w.slice(2..2), &mut []);
    let empty = Matrix::of_floats(3, 0, &[]).unwrap();
    let mut y = [f32::NAN; 3];
    multiply(&threads, &[], &empty, &mut y[..0]);
}
