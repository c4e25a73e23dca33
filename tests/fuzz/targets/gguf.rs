//! A GGUF file, and the vocabulary in it.
#![no_main]

use cortex_gguf::Gguf;
use cortex_tokens::{Specials, Tokenizer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(gguf) = Gguf::parse(bytes) else { return };
    assert!(gguf.tensors().all(|(_, tensor)| tensor.range.end <= bytes.len()));
    if let Ok(tokenizer) = Tokenizer::from_gguf(&gguf) {
        let tokens = tokenizer.encode("hi <s>\u{e9}\n", Specials::Parse, true).unwrap_or_default();
        tokenizer.decode(&tokens);
    }
});
