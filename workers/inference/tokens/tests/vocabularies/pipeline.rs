//! Builds Hugging Face's files from a GGUF file's vocabulary, to get the same tokens from another
//! implementation.

use cortex_gguf::{Array, Gguf, Value};
use cortex_tokens::Tokenizer;
use serde_json::{Map, json};

/// The differences between families.
pub(crate) struct Family {
    pub(crate) pattern: &'static str,
    pub(crate) composes: bool,
    pub(crate) whole_words: bool,
}

pub(crate) const LLAMA3: Family = Family {
    pattern: r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    composes: false,
    whole_words: true,
};

pub(crate) const QWEN2: Family = Family {
    pattern: r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    composes: true,
    whole_words: false,
};

pub(crate) fn tokenizer(gguf: &Gguf, family: &Family) -> Tokenizer {
    let strings = |key| gguf.get(key).and_then(Value::as_strings).unwrap();
    let tokens = strings("tokenizer.ggml.tokens");
    let Some(Value::Array(Array::I32(kinds))) = gguf.get("tokenizer.ggml.token_type") else {
        panic!("kinds are missing")
    };
    let of_kind = |wanted| {
        tokens
            .iter()
            .zip(kinds)
            .enumerate()
            .filter(move |(_, (_, kind))| **kind == wanted)
            .map(|(id, (text, _))| (id, text))
    };
    let vocabulary: Map<_, _> = of_kind(1).map(|(id, text)| (text.clone(), id.into())).collect();
    let added: Vec<_> = of_kind(3)
        .map(|(id, text)| json!({"id": id, "content": text, "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}))
        .collect();
    let split = json!({"type": "Split", "pattern": {"Regex": family.pattern}, "behavior": "Isolated", "invert": false});
    let bytes =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false});
    let file = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": family.composes.then(|| json!({"type": "NFC"})),
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, bytes]},
        "post_processor": null,
        "decoder": bytes,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": family.whole_words, "vocab": vocabulary, "merges": strings("tokenizer.ggml.merges"),
        },
    });
    Tokenizer::from_hugging_face(&serde_json::to_vec(&file).unwrap(), None, &[]).unwrap()
}
