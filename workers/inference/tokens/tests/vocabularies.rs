//! Real vocabularies: the tokens are those that the models were trained with.

#[path = "vocabularies/data.rs"]
mod data;

use cortex_tokens::{Specials, Tokenizer};

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(text, Specials::Plain, false).unwrap()
}

fn gives_what_is_expected(name: &str) {
    let tokenizer = data::tokenizer(name);
    let expected = data::expected(name);
    assert!(expected.len() > 40);
    for (text, expected) in expected {
        let tokens = ids(&tokenizer, &text);
        assert_eq!(tokens, expected, "{text:?}");
        assert_eq!(String::from_utf8(tokenizer.decode(&tokens)).unwrap(), text);
    }
}

#[test]
fn the_vocabulary_of_llama_2_gives_its_tokens() {
    gives_what_is_expected("llama-spm");
}

#[test]
fn the_vocabulary_of_llama_3_gives_its_tokens() {
    gives_what_is_expected("llama-bpe");
}
