//! `RUSTFLAGS="-C target-cpu=native" RAYON_NUM_THREADS=2 cargo run --release -- MODEL.gguf [steps]`

use std::fs::File;
use std::time::Instant;

use candle_core::quantized::gguf_file::Content;
use candle_core::{DType, Device, Result, Tensor};
use candle_transformers::models::quantized_llama::ModelWeights;

const PROMPT: u32 = 128;
/// The fastest of so many counts.
const PROMPTS: usize = 8;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("which model?")?;
    let steps: usize = arguments.next().map_or(Ok(24), |steps| steps.parse())?;
    let mut file = File::open(&path)?;
    let mut model = ModelWeights::from_gguf(Content::read(&mut file)?, &mut file, &Device::Cpu)?;
    let prompt: Vec<u32> = (0..PROMPT).map(|n| n * 97 % 32_000).collect();
    let mut prefill: f64 = 0.0;
    for _ in 0..PROMPTS {
        let start = Instant::now();
        forward(&mut model, &prompt, 0)?;
        prefill = prefill.max(f64::from(PROMPT) / start.elapsed().as_secs_f64());
    }
    forward(&mut model, &[0], PROMPT as usize)?;
    let start = Instant::now();
    for n in 0..steps {
        forward(&mut model, &[0], PROMPT as usize + 1 + n)?;
    }
    let decode = steps as f64 / start.elapsed().as_secs_f64();
    println!("candle-transformers 0.11.1: decode {decode:.1} t/s, prefill {prefill:.1} t/s");
    Ok(())
}

fn forward(model: &mut ModelWeights, tokens: &[u32], position: usize) -> Result<Vec<f32>> {
    let tokens = Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?;
    model.forward(&tokens, position)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}
