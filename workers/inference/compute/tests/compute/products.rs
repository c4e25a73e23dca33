//! Products are correct, and bitwise identical for a row in any batch.

use std::borrow::Cow;

use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{Device, Module, Tensor};
use cortex_compute::{Format, Isa, Matrix, Threads, multiply};

use crate::stored::{self, Noise};

/// Returns `x wᵀ` in doubles, and the sum of the absolute summands, which bounds the error.
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
fn a_product_equals_a_plain_implementation() {
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
            // At another place in a batch, and with a slice of the weights.
            let part = product(&three, &x[3 * columns..12 * columns], &w.slice(13..50));
            for (m, part) in part.chunks_exact(37).enumerate() {
                let whole = &alone[(m + 3) * rows + 13..][..37];
                assert!(part.iter().zip(whole).all(|(a, b)| a.to_bits() == b.to_bits()), "{isa:?} {w:?}");
            }
        }
    }
}

#[test]
fn zero_times_any_weights_is_zero() {
    let threads = Threads::new(2).unwrap();
    let w = stored::matrix(Format::Q8_0, 4, 32, 1);
    multiply(&threads, &[], &w, &mut []);
    multiply(&threads, &[1.0; 64], &w.slice(2..2), &mut []);
    let empty = Matrix::of_floats(3, 0, &[]).unwrap();
    let mut y = [f32::NAN; 3];
    multiply(&threads, &[], &empty, &mut y[..0]);
}

/// Activations may be rounded to 24 bits relative to the largest of at most 512 columns.
#[test]
fn beside_a_far_larger_value_the_rest_is_off_by_no_more_than_24_bits_leave() {
    let (rows, columns, batch) = (40, 1280, 20);
    for isa in Isa::available() {
        let threads = Threads::on(isa, 2).unwrap();
        for format in Format::ALL {
            let w = stored::matrix(format, rows, columns, 3);
            let mut x = Noise(8).floats(batch * columns);
            for (row, x) in x.chunks_exact_mut(columns).enumerate() {
                x[row * 61 + 7] *= 3000.0;
            }
            let found = product(&threads, &x, &w);
            let exact = exactly(&x, &w);
            let mut of_row = vec![0.0; columns];
            for n in 0..rows {
                w.row(n, &mut of_row);
                for (m, x) in x.chunks_exact(columns).enumerate() {
                    let rounding = |(x, w): (&[f32], &[f32])| {
                        let largest = x.iter().fold(0.0f32, |most, x| most.max(x.abs()));
                        let sizes: f64 = w.iter().map(|w| f64::from(w.abs())).sum();
                        f64::from(largest) * sizes / f64::from(1 << 23)
                    };
                    let rounding: f64 = x.chunks(512).zip(of_row.chunks(512)).map(rounding).sum();
                    let (found, (exact, size)) = (found[m * rows + n], exact[m * rows + n]);
                    let off = (f64::from(found) - exact).abs();
                    assert!(off <= 2e-6 * size + rounding, "{isa:?} {w:?}: {found}, not {exact}");
                }
            }
        }
    }
}

#[test]
fn activations_may_be_of_any_size() {
    for isa in Isa::available() {
        let threads = Threads::on(isa, 2).unwrap();
        for (format, batch) in Format::ALL.into_iter().flat_map(|format| [(format, 1), (format, 9)]) {
            let w = stored::matrix(format, 33, 512, 4);
            let x = Noise(6).floats(batch * 512);
            let plain = product(&threads, &x, &w);
            for power in [-80, -20, 60] {
                let size = 2f32.powi(power);
                let sized: Vec<f32> = x.iter().map(|x| x * size).collect();
                let same = product(&threads, &sized, &w).into_iter().zip(&plain).all(|(a, b)| a == b * size);
                assert!(same, "{isa:?} {w:?} by 2^{power}");
            }
            assert!(
                product(&threads, &vec![0.0; batch * 512], &w).iter().all(|y| *y == 0.0),
                "{isa:?} {w:?}"
            );
        }
    }
}

#[test]
fn a_nan_spoils_only_its_own_row() {
    for isa in Isa::available() {
        let threads = Threads::on(isa, 2).unwrap();
        for (format, batch) in Format::ALL.into_iter().flat_map(|format| [(format, 3), (format, 30)]) {
            let w = stored::matrix(format, 20, 768, 5);
            let mut x = Noise(7).floats(batch * 768);
            let plain = product(&threads, &x, &w);
            x[768 + 700] = f32::NAN;
            let spoilt = product(&threads, &x, &w);
            for (row, (spoilt, plain)) in spoilt.chunks_exact(20).zip(plain.chunks_exact(20)).enumerate() {
                match row {
                    1 => assert!(spoilt.iter().all(|y| y.is_nan()), "{isa:?} {w:?} {spoilt:?}"),
                    _ => assert_eq!(spoilt, plain, "{isa:?} {w:?} row {row}"),
                }
            }
            x[768 + 700] = f32::INFINITY;
            let spoilt = product(&threads, &x, &w);
            assert!(spoilt[20..40].iter().all(|y| !y.is_finite()), "{isa:?} {w:?}");
        }
    }
}

/// Candle configures the processor's tiles once per thread.
#[test]
fn candles_products_go_on_on_a_thread_where_ours_have_been() {
    let threads = Threads::new(1).unwrap();
    let (rows, columns, batch) = (64, 512, 40);
    let w = stored::matrix(Format::Q4K, rows, columns, 9);
    let x = Noise(10).floats(batch * columns);
    let storage = QStorage::from_data(Cow::Owned(w.bytes().to_vec()), &Device::Cpu, GgmlDType::Q4K).unwrap();
    let theirs = QMatMul::from_qtensor(QTensor::new(storage, (rows, columns)).unwrap()).unwrap();
    let tensor = Tensor::from_slice(&x, (batch, columns), &Device::Cpu).unwrap();
    let of_theirs = || theirs.forward(&tensor).unwrap().to_vec2::<f32>().unwrap();
    let before = of_theirs();
    let ours = product(&threads, &x, &w);
    assert_eq!(before, of_theirs());
    assert_eq!(ours, product(&threads, &x, &w));
}
