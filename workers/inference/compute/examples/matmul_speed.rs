//! Measures the product with stored weights, and compares it with this machine's memory bandwidth
//! and with candle.
//!
//! `cargo run --release -p cortex-compute --example matmul_speed [threads] [rounds] [format ...]`.
//! There are enough copies of the weights that no cache keeps them from one pass to the next, as in
//! a model. Every figure is the median of short rounds that take turns, so that other load affects
//! all alike.

#![allow(clippy::print_stdout)] // the example prints its results

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{Device, Module, Tensor};
use cortex_compute::{Format, Matrix, Threads, multiply};

/// Rows and columns of a feed-forward layer and of the last layer, in a model with 1.1 billion
/// weights.
const SHAPES: [(usize, usize); 2] = [(2048, 5632), (32_000, 2048)];
const BATCHES: [usize; 4] = [1, 2, 8, 128];
/// More than the caches hold.
const POOL: usize = 400 << 20;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let threads = Threads::new(arguments.next().map_or(Ok(2), |threads| threads.parse())?)?;
    let rounds = arguments.next().map_or(Ok(7), |rounds| rounds.parse())?;
    let named: Vec<String> = arguments.collect();
    println!("{:?}, {} threads, medians of {rounds} rounds that take turns", threads.isa(), threads.count());
    println!(
        "GB/s of weights; in brackets the share of the read rate of the same round; | candle's, ours : candle's"
    );
    let memory: Vec<u64> = (0..POOL as u64 / 8).collect();
    for (rows, columns) in SHAPES {
        for format in [Format::Q8_0, Format::Q4_0, Format::Q4K, Format::Q6K, Format::F16, Format::F32] {
            if named.is_empty() || named.iter().any(|name| name == format.name()) {
                let case = Case::new(format, rows, columns)?;
                case.measure(&threads, rounds, &memory)?;
            }
        }
    }
    Ok(())
}

/// Copies of one matrix, for us and for candle.
struct Case {
    format: Format,
    rows: usize,
    columns: usize,
    ours: Vec<Matrix>,
    candles: Vec<QMatMul>,
}

impl Case {
    fn new(format: Format, rows: usize, columns: usize) -> Result<Self, Failure> {
        let kind = candles(format);
        let values: Vec<f32> =
            (0..rows * columns).map(|n| ((n * 7919) % 2003) as f32 / 1001.0 - 1.0).collect();
        let values = Tensor::from_vec(values, (rows, columns), &Device::Cpu)?;
        let stored = QTensor::quantize(&values, kind)?.data()?.into_owned();
        let copies = POOL.div_ceil(stored.len()).max(2);
        let (mut ours, mut candles) = (Vec::new(), Vec::new());
        for _ in 0..copies {
            ours.push(Matrix::new(format, rows, columns, Arc::new(stored.clone()), 0..stored.len())?);
            let storage = QStorage::from_data(Cow::Owned(stored.clone()), &Device::Cpu, kind)?;
            candles.push(QMatMul::from_qtensor(QTensor::new(storage, (rows, columns))?)?);
        }
        Ok(Self { format, rows, columns, ours, candles })
    }

    fn measure(&self, threads: &Threads, rounds: usize, memory: &[u64]) -> Result<(), Failure> {
        print!("{:>5} x {:<4} {:<4}", self.rows, self.columns, self.format.name());
        let mut single = 0.0;
        for batch in BATCHES {
            let passes = if batch > 8 { 2 } else { self.ours.len() };
            let x: Vec<f32> =
                (0..batch * self.columns).map(|n| ((n * 31) % 67) as f32 / 33.0 - 1.0).collect();
            let tensor = Tensor::from_slice(&x, (batch, self.columns), &Device::Cpu)?;
            let mut y = vec![0.0; batch * self.rows];
            let (mut read, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
            for round in 0..rounds {
                // Candle's threads spin for a while after their last product.
                std::thread::sleep(Duration::from_millis(50));
                let start = Instant::now();
                sum(threads, memory);
                read.push(start.elapsed().as_secs_f64());
                let at = |pass: usize| (round * passes + pass) % self.ours.len();
                let start = Instant::now();
                for pass in 0..passes {
                    multiply(threads, &x, &self.ours[at(pass)], &mut y);
                }
                ours.push(start.elapsed().as_secs_f64() / passes as f64);
                let start = Instant::now();
                for pass in 0..passes.min(if batch > 1 { 2 } else { usize::MAX }) {
                    black_box(self.candles[at(pass)].forward(&tensor)?);
                }
                let done = passes.min(if batch > 1 { 2 } else { usize::MAX });
                theirs.push(start.elapsed().as_secs_f64() / done as f64);
            }
            let bytes = self.ours[0].bytes().len() as f64 / 1e9;
            let (ours, theirs) = (median(ours), median(theirs));
            let read = POOL as f64 / 1e9 / median(read);
            if batch == 1 {
                single = ours;
                let share = bytes / ours / read * 100.0;
                print!("  m=1 {:5.1} of {read:4.1} ({share:3.0}%)", bytes / ours);
            } else {
                print!("  m={batch} {:.2}x m=1", single * batch as f64 / ours);
            }
            if batch > 8 {
                let work = 2e-9 * (batch * self.rows * self.columns) as f64;
                print!(" {:.0} GFLOP/s", work / ours);
            }
            print!(" | {:.2}x", theirs / ours);
        }
        println!();
        Ok(())
    }
}

/// Reads all of the memory.
fn sum(threads: &Threads, memory: &[u64]) {
    let total = AtomicU64::new(0);
    let chunk = 1 << 17;
    threads.each(memory.len().div_ceil(chunk), |n| {
        let part = &memory[n * chunk..memory.len().min((n + 1) * chunk)];
        let sum = part.iter().fold(0u64, |sum, word| sum.wrapping_add(*word));
        total.fetch_add(sum, Ordering::Relaxed);
    });
    black_box(total);
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn candles(format: Format) -> GgmlDType {
    match format {
        Format::F32 => GgmlDType::F32,
        Format::F16 => GgmlDType::F16,
        Format::Q4_0 => GgmlDType::Q4_0,
        Format::Q8_0 => GgmlDType::Q8_0,
        Format::Q4K => GgmlDType::Q4K,
        Format::Q6K => GgmlDType::Q6K,
        other => unreachable!("{} is not measured", other.name()),
    }
}
