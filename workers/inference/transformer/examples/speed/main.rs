//! Measures tokens per second of a model with the sizes of TinyLlama and random weights, next to
//! the memory bandwidth's limit.
//!
//!     cargo run --release -p cortex-transformer --example speed -- [threads] [keep=FOLDER] [format...]
//!
//! `keep` keeps the files in a folder, for a comparison with other programs.

#![allow(clippy::print_stdout)]

mod file;
mod roofline;

use std::error::Error;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cortex_compute::Format;
use cortex_transformer::{BLOCK, Cache, LogitsFor, Model, Options, Segment, Store};

const PROMPT: usize = 128;
const STEPS: usize = 24;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let threads = match arguments.next() {
        Some(threads) => threads.parse()?,
        None => std::thread::available_parallelism()?,
    };
    let (folders, names): (Vec<String>, Vec<String>) = arguments.partition(|word| word.starts_with("keep="));
    let selected = |format: &Format| match names.is_empty() {
        true => [Format::Q8_0, Format::Q4_0, Format::Q4K].contains(format),
        false => names.iter().any(|name| name == format.name()),
    };
    let kept = folders.iter().find_map(|word| word.strip_prefix("keep=")).map(PathBuf::from);
    let own = tempfile::tempdir()?;
    let folder = kept.as_deref().unwrap_or(own.path());
    println!("format  batch  decode t/s  of roofline  prefill t/s   GB/s");
    for format in Format::ALL.into_iter().filter(selected) {
        measure(folder, format, threads)?;
    }
    Ok(())
}

fn measure(folder: &Path, format: Format, threads: NonZeroUsize) -> Result<(), Box<dyn Error>> {
    let path = folder.join(format!("{}.gguf", format.name()));
    if !path.exists() {
        file::write(&path, format)?;
    }
    let options = Options { threads, context: None };
    let model = Model::open(&path, &options, &mut |_| ControlFlow::Continue(()))?;
    // A token reads one row of the embedding, and all of the other weights.

    let embedding = format.row_bytes(model.shape().hidden).unwrap_or(0) as u64 * file::VOCABULARY;
    let read = model.bytes() - embedding;
    for batch in [1, 8] {
        let bandwidth = roofline::bandwidth(threads.get());
        let (prefill, decode) = run(&model, batch)?;
        let steps = decode / batch as f64;
        println!(
            "{:6} {batch:6} {decode:11.1} {:11.0}% {prefill:12.1} {:6.1}",
            format.name(),
            100.0 * steps * read as f64 / bandwidth,
            bandwidth / 1e9,
        );
    }
    Ok(())
}

/// Returns tokens per second of prompts and of single steps, over all sequences.
fn run(model: &Model, batch: usize) -> Result<(f64, f64), Box<dyn Error>> {
    let each = (PROMPT + STEPS + 2).div_ceil(BLOCK);
    let mut cache = Cache::new(model.shape(), each * batch, Store::F16)?;
    let blocks: Vec<Vec<u32>> =
        (0..batch).map(|n| (0..each).map(|block| (n * each + block) as u32).collect()).collect();
    let tokens: Vec<u32> = (0..PROMPT as u32).map(|n| n * 97 % 32_000).collect();
    let mut prefill: f64 = 0.0;
    for blocks in &blocks {
        let start = Instant::now();
        model.forward(
            &mut cache,
            &[Segment { tokens: &tokens, start: 0, blocks, logits_for: LogitsFor::Last }],
        )?;
        prefill = prefill.max(PROMPT as f64 / start.elapsed().as_secs_f64());
    }
    let mut step = |position: usize| {
        let segments: Vec<Segment<'_>> = blocks
            .iter()
            .map(|blocks| Segment {
                tokens: &tokens[..1],
                start: position,
                blocks,
                logits_for: LogitsFor::Last,
            })
            .collect();
        model.forward(&mut cache, &segments)
    };
    step(PROMPT)?;
    let start = Instant::now();
    for n in 0..STEPS {
        step(PROMPT + 1 + n)?;
    }
    Ok((prefill, (batch * STEPS) as f64 / start.elapsed().as_secs_f64()))
}
