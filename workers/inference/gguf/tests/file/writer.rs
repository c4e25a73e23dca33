//! Writes small GGUF files for the tests, valid by default.

use cortex_gguf::{Array, Layout, Value};

#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) version: u32,
    pub(crate) alignment: u32,
    pub(crate) values: Vec<(String, Value)>,
    pub(crate) tensors: Vec<Tensor>,
}

#[derive(Debug, Clone)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) kind: u32,
    pub(crate) shape: Vec<u64>,
    /// Used instead of the next free offset.
    pub(crate) offset: Option<u64>,
}

impl File {
    pub(crate) fn small() -> Self {
        let text = |text: &str| text.to_owned();
        let values = vec![
            (text("general.architecture"), Value::String(text("llama"))),
            (text("llama.block_count"), Value::U32(2)),
            (text("llama.rope.freq_base"), Value::F32(10000.0)),
            (text("tokenizer.ggml.add_bos_token"), Value::Bool(true)),
            (text("tokenizer.ggml.tokens"), Value::Array(Array::String(vec![text("<s>"), text("é")]))),
            (text("tokenizer.ggml.scores"), Value::Array(Array::F32(vec![0.0, -1.5]))),
        ];
        let tensor = |name, kind, shape: &[u64]| Tensor {
            name: text(name),
            kind,
            shape: shape.to_vec(),
            offset: None,
        };
        let tensors = vec![
            tensor("token_embd.weight", 2, &[32, 3]),
            tensor("output_norm.weight", 0, &[5]),
            tensor("output.weight", 14, &[256, 1]),
        ];
        Self { version: 3, alignment: 32, values, tensors }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.values.len() as u64).to_le_bytes());
        for (key, value) in &self.values {
            string(&mut out, key);
            write(&mut out, value);
        }
        let mut end = 0u64;
        for tensor in &self.tensors {
            string(&mut out, &tensor.name);
            out.extend((tensor.shape.len() as u32).to_le_bytes());
            tensor.shape.iter().for_each(|side| out.extend(side.to_le_bytes()));
            out.extend(tensor.kind.to_le_bytes());
            let offset =
                tensor.offset.unwrap_or(end.checked_next_multiple_of(self.alignment.into()).unwrap_or(0));
            out.extend(offset.to_le_bytes());
            end = offset.saturating_add(tensor.bytes());
        }
        let start = out.len().next_multiple_of(self.alignment as usize);
        out.resize(start + end.min(1 << 16) as usize, 0);
        out
    }
}

impl Tensor {
    /// Returns the bytes that it takes, as far as they are known.
    pub(crate) fn bytes(&self) -> u64 {
        let layout = Layout::of(self.kind);
        let weights: u64 = self.shape.iter().fold(1, |product, &side| product.saturating_mul(side));
        layout.map_or(0, |layout| (weights / layout.weights).saturating_mul(layout.bytes))
    }
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn write(out: &mut Vec<u8>, value: &Value) {
    macro_rules! number {
        ($kind:literal, $value:expr) => {{
            out.extend(u32::to_le_bytes($kind));
            out.extend($value.to_le_bytes());
        }};
    }
    match value {
        Value::U8(value) => number!(0, value),
        Value::I8(value) => number!(1, value),
        Value::U16(value) => number!(2, value),
        Value::I16(value) => number!(3, value),
        Value::U32(value) => number!(4, value),
        Value::I32(value) => number!(5, value),
        Value::F32(value) => number!(6, value),
        Value::Bool(value) => number!(7, u8::from(*value)),
        Value::String(value) => {
            out.extend(8u32.to_le_bytes());
            string(out, value);
        }
        Value::Array(array) => {
            out.extend(9u32.to_le_bytes());
            write_array(out, array);
        }
        Value::U64(value) => number!(10, value),
        Value::I64(value) => number!(11, value),
        Value::F64(value) => number!(12, value),
    }
}

fn write_array(out: &mut Vec<u8>, array: &Array) {
    let mut begin = |kind: u32| {
        out.extend(kind.to_le_bytes());
        out.extend((array.len() as u64).to_le_bytes());
    };
    macro_rules! numbers {
        ($kind:literal, $values:expr) => {{
            begin($kind);
            $values.iter().for_each(|value| out.extend(value.to_le_bytes()));
        }};
    }
    match array {
        Array::U8(values) => numbers!(0, values),
        Array::I8(values) => numbers!(1, values),
        Array::U16(values) => numbers!(2, values),
        Array::I16(values) => numbers!(3, values),
        Array::U32(values) => numbers!(4, values),
        Array::I32(values) => numbers!(5, values),
        Array::F32(values) => numbers!(6, values),
        Array::Bool(values) => {
            begin(7);
            out.extend(values.iter().map(|&value| u8::from(value)));
        }
        Array::String(values) => {
            begin(8);
            values.iter().for_each(|value| string(out, value));
        }
        Array::U64(values) => numbers!(10, values),
        Array::I64(values) => numbers!(11, values),
        Array::F64(values) => numbers!(12, values),
    }
}
