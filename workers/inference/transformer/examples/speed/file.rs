//! Writes a GGUF file with the sizes of TinyLlama and random weights.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use cortex_compute::Format;

pub(crate) const LAYERS: u64 = 22;
const HIDDEN: u64 = 2048;
const INNER: u64 = 5632;
const HEADS: u64 = 32;
const KV_HEADS: u64 = 4;
pub(crate) const VOCABULARY: u64 = 32_000;
const ALIGNMENT: u64 = 32;

struct Tensor {
    name: String,
    /// Columns and rows. A vector has only the first.
    shape: Vec<u64>,
    format: Format,
}

impl Tensor {
    fn bytes(&self) -> u64 {
        let blocks = self.shape.iter().product::<u64>() / self.format.block_values() as u64;
        blocks * self.format.block_bytes() as u64
    }
}

/// Writes a file with all matrices in one format.
pub(crate) fn write(path: &Path, format: Format) -> io::Result<()> {
    let tensors = tensors(format);
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let header = header(&tensors);
    out.write_all(&header)?;
    pad(&mut out, header.len() as u64)?;
    let mut state = 1;
    for tensor in &tensors {
        let blocks = tensor.bytes() / tensor.format.block_bytes() as u64;
        for _ in 0..blocks {
            block(&mut out, tensor, &mut state)?;
        }
        pad(&mut out, tensor.bytes())?;
    }
    out.flush()
}

fn tensors(format: Format) -> Vec<Tensor> {
    let kv = HIDDEN / HEADS * KV_HEADS;
    let matrix =
        |name: String, columns, rows| Tensor { name: name + ".weight", shape: vec![columns, rows], format };
    let norm = |name: String| Tensor { name: name + ".weight", shape: vec![HIDDEN], format: Format::F32 };
    let mut tensors = vec![
        matrix("token_embd".into(), HIDDEN, VOCABULARY),
        matrix("output".into(), HIDDEN, VOCABULARY),
        norm("output_norm".into()),
    ];
    for layer in 0..LAYERS {
        let name = |part: &str| format!("blk.{layer}.{part}");
        tensors.extend([
            norm(name("attn_norm")),
            norm(name("ffn_norm")),
            matrix(name("attn_q"), HIDDEN, HIDDEN),
            matrix(name("attn_k"), HIDDEN, kv),
            matrix(name("attn_v"), HIDDEN, kv),
            matrix(name("attn_output"), HIDDEN, HIDDEN),
            matrix(name("ffn_gate"), HIDDEN, INNER),
            matrix(name("ffn_up"), HIDDEN, INNER),
            matrix(name("ffn_down"), INNER, HIDDEN),
        ]);
    }
    tensors
}

fn header(tensors: &[Tensor]) -> Vec<u8> {
    let mut out = b"GGUF".to_vec();
    let numbers = [
        ("llama.block_count", LAYERS),
        ("llama.context_length", 2048),
        ("llama.embedding_length", HIDDEN),
        ("llama.feed_forward_length", INNER),
        ("llama.attention.head_count", HEADS),
        ("llama.attention.head_count_kv", KV_HEADS),
        ("llama.rope.dimension_count", HIDDEN / HEADS),
        ("llama.vocab_size", VOCABULARY),
    ];
    let texts = [("general.architecture", "llama"), ("tokenizer.ggml.model", "no_vocab")];
    out.extend(3_u32.to_le_bytes());
    out.extend((tensors.len() as u64).to_le_bytes());
    out.extend((numbers.len() as u64 + texts.len() as u64 + 1).to_le_bytes());
    for (key, value) in texts {
        text(&mut out, key);
        out.extend(8_u32.to_le_bytes());
        text(&mut out, value);
    }
    for (key, value) in numbers {
        text(&mut out, key);
        out.extend(4_u32.to_le_bytes());
        out.extend((value as u32).to_le_bytes());
    }
    text(&mut out, "llama.attention.layer_norm_rms_epsilon");
    out.extend(6_u32.to_le_bytes());
    out.extend(1e-5_f32.to_le_bytes());
    let mut offset = 0_u64;
    for tensor in tensors {
        text(&mut out, &tensor.name);
        out.extend((tensor.shape.len() as u32).to_le_bytes());
        out.extend(tensor.shape.iter().flat_map(|size| size.to_le_bytes()));
        out.extend(number(tensor.format).to_le_bytes());
        out.extend(offset.to_le_bytes());
        offset += tensor.bytes().next_multiple_of(ALIGNMENT);
    }
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn pad(out: &mut impl Write, length: u64) -> io::Result<()> {
    let rest = length.next_multiple_of(ALIGNMENT) - length;
    out.write_all(&vec![0; rest as usize])
}

/// Writes one block of random weights of about 1/40.
fn block(out: &mut impl Write, tensor: &Tensor, state: &mut u64) -> io::Result<()> {
    if tensor.format == Format::F32 {
        return out.write_all(&1_f32.to_le_bytes());
    }
    let mut bytes = [0; 256];
    for word in bytes.chunks_exact_mut(8) {
        // Marsaglia's xorshift.
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        word.copy_from_slice(&state.to_le_bytes());
    }
    let mut scale = |at: usize, scale: f32| {
        bytes[at..at + 2].copy_from_slice(&half::f16::from_f32(scale).to_le_bytes());
    };
    match tensor.format {
        Format::Q8_0 => scale(0, 1.0 / 2960.0),
        Format::Q4_0 => scale(0, 1.0 / 184.0),
        Format::Q4K => {
            scale(0, 1.0 / 8000.0);
            scale(2, 7.5 / 8000.0);
        }
        Format::Q6K => scale(208, 1.0 / 55_000.0),
        other => return Err(io::Error::other(format!("no random blocks of {}", other.name()))),
    }
    out.write_all(&bytes[..tensor.format.block_bytes()])
}

fn number(format: Format) -> u32 {
    (0..64).find(|&kind| Format::from_ggml(kind) == Some(format)).expect("every format has a number in GGUF")
}
