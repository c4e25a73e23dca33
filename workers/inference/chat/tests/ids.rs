//! Conversations become the same tokens as with `transformers`, given the family's real template
//! and vocabulary. The hashes of the tokens come from `fixtures/ids.py`.

#![allow(clippy::unwrap_used)]

mod conversations;
mod data;

use cortex_chat::Template;
use cortex_gguf::Gguf;
use cortex_tokens::{Specials, Tokenizer};

use conversations::{cases, fixtures, hash, rendered};

fn tokenizer(vocabulary: &str) -> Tokenizer {
    let file = data::read(&format!("vocab/ggml-vocab-{vocabulary}.gguf"));
    Tokenizer::from_gguf(&Gguf::parse(&file).unwrap()).unwrap()
}

fn line(tokens: &[u32]) -> String {
    let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
    format!("{} {}", tokens.len(), hash(bytes))
}

fn agrees(template: &str, vocabulary: &str, [bos, eos]: [&str; 2]) {
    let tokenizer = tokenizer(vocabulary);
    let names = [("bos", bos), ("eos", eos), ("pad", "<|pad|>"), ("unk", "<|unk|>")];
    let names = names.map(|(name, token)| (format!("{name}_token"), token.to_owned()));
    let compiled = Template::compile(&data::template(template), names.into()).unwrap();
    let fixture = std::fs::read_to_string(fixtures().join(format!("ids/{template}.txt"))).unwrap();
    let mut lines = fixture.lines();
    assert!(lines.next().unwrap().ends_with(&format!(", vocabulary {vocabulary}")));
    let cases = cases();
    assert_eq!(lines.clone().count(), cases.len());
    let mut compared = 0;
    for (index, (case, expected)) in cases.iter().zip(lines).enumerate() {
        match rendered(&compiled, case) {
            Ok(text) => {
                let tokens = tokenizer.encode(&text, Specials::Parse, false).unwrap();
                assert_eq!(line(&tokens), expected, "{index}: {text:?}");
                compared += 1;
            }
            Err(_) => assert_eq!("-", expected, "{index}"),
        }
    }
    assert!(compared > 390, "{compared}");
}

#[test]
fn llama_3_1_gets_the_same_tokens_as_in_transformers() {
    agrees("meta-llama-Llama-3.1-8B-Instruct", "llama-bpe", ["<|begin_of_text|>", "<|eot_id|>"]);
}

#[test]
fn llama_3_2_gets_the_same_tokens_as_in_transformers() {
    agrees("meta-llama-Llama-3.2-3B-Instruct", "llama-bpe", ["<|begin_of_text|>", "<|eot_id|>"]);
}

#[test]
fn qwen_2_5_gets_the_same_tokens_as_in_transformers() {
    agrees("Qwen-Qwen2.5-7B-Instruct", "qwen2", ["<|endoftext|>", "<|im_end|>"]);
}

#[test]
fn qwen_3_gets_the_same_tokens_as_in_transformers() {
    agrees("Qwen-Qwen3-0.6B", "qwen2", ["<|endoftext|>", "<|im_end|>"]);
}

/// We don't have Mistral's own vocabularies; the first was made of scored pieces like Llama 2's.
#[test]
fn mistrals_template_with_llama_2s_vocabulary_gets_the_same_tokens_as_in_transformers() {
    agrees("mistralai-Mistral-Nemo-Instruct-2407", "llama-spm", ["<s>", "</s>"]);
}
