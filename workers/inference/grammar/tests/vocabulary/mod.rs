//! A real vocabulary from a GGUF file of the test data.

use std::path::PathBuf;

use cortex_gguf::Gguf;
use cortex_grammar::Vocabulary;

/// The file's byte-level BPE vocabulary (`tokenizer.ggml.model` is `gpt2`).
pub(crate) fn read(name: &str) -> Vocabulary {
    let path = folder().join("vocab").join(name);
    let bytes = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; `scripts/tools.sh test` fetches it", path.display()));
    let gguf = Gguf::parse(&bytes).expect("a sound file");
    let texts = gguf.get("tokenizer.ggml.tokens").and_then(|value| value.as_strings()).expect("tokens");
    let kinds =
        gguf.get("tokenizer.ggml.token_type").and_then(|value| value.as_array()).expect("token types");
    let kinds = whole_numbers(kinds);
    let end =
        gguf.get("tokenizer.ggml.eos_token_id").and_then(|value| value.as_u64()).expect("an end") as u32;
    let letters = letters();
    let mut vocabulary = Vocabulary { ends: vec![end], ..Vocabulary::default() };
    for (token, (text, kind)) in texts.iter().zip(kinds).enumerate() {
        if kind == 3 {
            vocabulary.control.push((token as u32, text.clone()));
            vocabulary.tokens.push(Vec::new());
        } else {
            let byte = |letter| letters.iter().position(|known| *known == letter).map(|byte| byte as u8);
            vocabulary.tokens.push(
                text.chars().map(byte).collect::<Option<Vec<u8>>>().unwrap_or_else(|| text.clone().into()),
            );
        }
    }
    vocabulary
}

fn folder() -> PathBuf {
    match std::env::var_os("CORTEX_TEST_DATA") {
        Some(folder) => folder.into(),
        None => [env!("CARGO_MANIFEST_DIR"), "../../../../shared/data"].iter().collect(),
    }
}

fn whole_numbers(array: &cortex_gguf::Array) -> Vec<u64> {
    match array {
        cortex_gguf::Array::I32(values) => values.iter().map(|&value| value as u64).collect(),
        other => panic!("token types are {other:?}"),
    }
}

/// The letter that represents each byte in byte-level vocabularies (Radford et al. 2019).
fn letters() -> Vec<char> {
    let mut next = 256;
    (0..=255_u32)
        .map(|byte| match byte {
            0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => char::from_u32(byte),
            _ => {
                next += 1;
                char::from_u32(next - 1)
            }
        })
        .map(|letter| letter.expect("below the surrogates"))
        .collect()
}
