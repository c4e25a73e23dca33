//! Prints the mean time to choose a token from 128,256 logits: `cargo run --release -p
//! cortex-sample --example sample_speed`.
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use cortex_sample::{SampleError, Sampler, Sampling};

const VOCABULARY: usize = 128_256;
const STEPS: u32 = 500;

fn main() -> Result<(), SampleError> {
    let cases = [
        ("greedy", Sampling { temperature: 0.0, ..Sampling::default() }),
        ("temperature alone", Sampling::default()),
        ("top_p 0.9", Sampling { top_p: 0.9, ..Sampling::default() }),
        ("top_k 40, top_p 0.95", Sampling { top_k: 40, top_p: 0.95, ..Sampling::default() }),
        ("min_p 0.05", Sampling { min_p: 0.05, ..Sampling::default() }),
        ("typical_p 0.9", Sampling { typical_p: 0.9, ..Sampling::default() }),
        ("5 logprobs", Sampling { logprobs: Some(5), ..Sampling::default() }),
    ];
    let logits = logits();
    for (name, sampling) in cases {
        let mut sampler = Sampler::new(sampling, &[]);
        let mut row = logits.clone();
        let mut spent = Duration::ZERO;
        for _ in 0..STEPS {
            row.copy_from_slice(&logits);
            let start = Instant::now();
            sampler.sample(&mut row, None)?;
            spent += start.elapsed();
        }
        println!("{name:22} {:7.1} us", spent.as_secs_f64() * 1e6 / f64::from(STEPS));
    }
    Ok(())
}

/// Bell-shaped logits as wide as a model's, with a few likely tokens on top.
fn logits() -> Vec<f32> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let mut logits: Vec<f32> =
        (0..VOCABULARY).map(|_| (0..6).map(|_| next()).sum::<f32>() * 5.0 - 15.0).collect();
    for (rank, logit) in logits.iter_mut().step_by(4001).enumerate() {
        *logit += 14.0 - rank as f32 * 0.3;
    }
    logits
}
