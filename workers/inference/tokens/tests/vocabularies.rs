//! Real vocabularies: the tokens match those that the models were trained with.

#![allow(clippy::unwrap_used)]

#[path = "vocabularies/data.rs"]
mod data;
#[path = "vocabularies/pipeline.rs"]
mod pipeline;

use std::time::{Duration, Instant};

use cortex_tokens::{Specials, Tokenizer};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(text, Specials::Plain, false).unwrap()
}

fn text(tokenizer: &Tokenizer, tokens: &[u32]) -> String {
    String::from_utf8(tokenizer.decode(tokens)).unwrap()
}

fn gives_what_is_expected(name: &str) {
    let tokenizer = data::tokenizer(name);
    let expected = data::expected(name);
    assert!(expected.len() > 40);
    for (written, expected) in expected {
        let tokens = ids(&tokenizer, &written);
        assert_eq!(tokens, expected, "{written:?}");
        assert_eq!(text(&tokenizer, &tokens), written);
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

#[test]
fn the_vocabulary_of_qwen_2_gives_the_same_tokens_as_transformers() {
    let tokenizer = data::tokenizer("qwen2");
    let cases = data::qwen2();
    assert!(cases.len() >= 400);
    for (written, expected) in cases {
        assert_eq!(ids(&tokenizer, &written), expected, "{written:?}");
    }
}

#[test]
fn every_family_splits_texts_as_transformers_does() {
    let texts = data::qwen2();
    let families = data::families();
    assert!(families.len() >= 19);
    for (name, hashes) in families {
        let tokenizer = data::with_pre_tokenizer(name);
        assert_eq!(texts.len(), hashes.len(), "{name}");
        for ((written, _), expected) in texts.iter().zip(hashes) {
            let tokens = ids(&tokenizer, written);
            let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
            let hash = Sha256::digest(bytes);
            let hash = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
            let words: Vec<_> = tokens.iter().map(|&token| tokenizer.text_of(token)).collect();
            assert_eq!(format!("{hash:08x}"), expected, "{name}: {written:?} became {words:?}");
        }
    }
}

/// Words, blanks, digits, marks and arbitrary characters in any order.
fn anything() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-zA-Z']{1,8}",
        "[ \t\r\n\u{a0}\u{3000}]{1,4}",
        "[0-9०-९]{1,5}",
        "[!-/:-@]{1,3}",
        "[à-ÿĀ-žΑ-ωА-яぁ-んァ-ン一-龥가-힣]{1,5}",
        "[\u{300}-\u{36f}\u{200d}\u{fe0f}😀-🙏]{1,3}",
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

fn for_anything(check: impl Fn(&str)) {
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 500, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(Default::default()),
    );
    let outcome = runner.run(&anything(), |written| {
        check(&written);
        Ok(())
    });
    outcome.unwrap();
}

fn both_files_agree(name: &str, family: &pipeline::Family) {
    let (ours, theirs) = (data::tokenizer(name), pipeline::tokenizer(&data::gguf(name), family));
    for (written, _) in data::qwen2() {
        assert_eq!(ids(&ours, &written), ids(&theirs, &written), "{written:?}");
    }
    for_anything(|written| assert_eq!(ids(&ours, written), ids(&theirs, written), "{written:?}"));
    assert!((0..ours.vocabulary() as u32).filter(|&id| !theirs.text_of(id).is_empty()).all(|id| {
        (ours.bytes(id), ours.is_control(id), ours.text_of(id))
            == (theirs.bytes(id), theirs.is_control(id), theirs.text_of(id))
    }));
}

#[test]
fn llama_3_from_either_kind_of_file_gives_the_same_tokens() {
    both_files_agree("llama-bpe", &pipeline::LLAMA3);
}

#[test]
fn qwen_2_from_either_kind_of_file_gives_the_same_tokens() {
    both_files_agree("qwen2", &pipeline::QWEN2);
}

#[test]
fn any_text_round_trips() {
    let (llama2, llama3) = (data::tokenizer("llama-spm"), data::tokenizer("llama-bpe"));
    for_anything(|written| {
        for tokenizer in [&llama2, &llama3] {
            let tokens = ids(tokenizer, written);
            assert_eq!(text(tokenizer, &tokens), written);
            assert!(tokens.iter().all(|&token| !tokenizer.is_control(token)));
        }
    });
}

#[test]
fn any_text_comes_back_from_qwen_2_in_nfc() {
    let qwen = data::tokenizer("qwen2");
    for_anything(|written| assert_eq!(text(&qwen, &ids(&qwen, written)), written.nfc().collect::<String>()));
}

#[test]
fn users_text_never_becomes_a_control_token() {
    for name in ["llama-spm", "llama-bpe", "qwen2"] {
        let tokenizer = data::tokenizer(name);
        let controls: Vec<u32> =
            (0..tokenizer.vocabulary() as u32).filter(|&token| tokenizer.is_control(token)).collect();
        assert!(controls.len() >= 3, "{name}");
        for &control in &controls {
            let written = format!("x{0}{0} {0}", tokenizer.text_of(control));
            let tokens = ids(&tokenizer, &written);
            assert!(tokens.iter().all(|&token| !tokenizer.is_control(token)), "{name}: {written}");
            assert_eq!(text(&tokenizer, &tokens), written);
            let parsed = tokenizer.encode(&written, Specials::Parse, false).unwrap();
            assert_eq!(parsed.iter().filter(|&&token| token == control).count(), 3, "{name}: {written}");
            assert!(tokenizer.bytes(control).is_empty());
        }
    }
}

#[test]
fn padding_rows_are_never_encoded() {
    let qwen = data::tokenizer("qwen2");
    assert_eq!((qwen.id("[PAD151935]"), qwen.bytes(151_935)), (None, b"".as_slice()));
    assert!(ids(&qwen, "[PAD151935]").len() > 1);
    assert_eq!((qwen.bytes(u32::MAX), qwen.text_of(u32::MAX)), (b"".as_slice(), ""));
}

#[test]
fn the_tokens_that_end_a_generation_are_known() {
    let ends = |name: &str| -> Vec<String> {
        let tokenizer = data::tokenizer(name);
        tokenizer.ends().iter().map(|&end| tokenizer.text_of(end).to_owned()).collect()
    };
    assert_eq!(ends("llama-spm"), ["</s>"]);
    assert_eq!(ends("llama-bpe"), ["<|end_of_text|>", "<|eot_id|>"]);
    assert_eq!(ends("qwen2"), ["<|endoftext|>", "<|im_end|>"]);
}

#[test]
fn a_text_begins_with_bos_if_the_model_was_trained_that_way() {
    let first = |name: &str| data::tokenizer(name).encode("a", Specials::Plain, true).unwrap()[0];
    assert_eq!((first("llama-spm"), first("llama-bpe"), first("qwen2")), (1, 128_000, 64));
}

#[test]
fn llama_2_adds_a_space_before_a_text_and_removes_it() {
    let llama = data::tokenizer("llama-spm");
    let tokens = llama.encode("Hi</s>Hi", Specials::Parse, false).unwrap();
    let hi = llama.id("▁Hi").unwrap();
    assert_eq!(tokens, [hi, 2, hi]);
    assert_eq!(text(&llama, &tokens), "HiHi");
    assert_eq!(llama.bytes(hi), b" Hi");
    assert_eq!((llama.piece(Some(2), hi), llama.piece(Some(hi), hi)), (b"Hi".as_slice(), b" Hi".as_slice()));
    let newline = llama.id("<0x0A>").unwrap();
    assert_eq!(llama.bytes(newline), b"\n");
}

/// A loose bound for a busy machine: quadratic time would take hours.
#[test]
fn a_megabyte_of_one_letter_takes_linear_time() {
    let bpe = [data::tokenizer("llama-spm"), data::tokenizer("llama-bpe"), data::tokenizer("qwen2")];
    let pipeline = pipeline::tokenizer(&data::gguf("llama-bpe"), &pipeline::LLAMA3);
    for tokenizer in bpe.iter().chain([&pipeline]) {
        for letter in ["a", " ", "\n", "é", "=", "1", "🦙", "ab c1\n"] {
            let written = letter.repeat((1 << 20) / letter.len());
            let begun = Instant::now();
            let tokens = ids(tokenizer, &written);
            let taken = begun.elapsed();
            assert!(taken < Duration::from_secs(20), "{letter:?} took {taken:?}");
            assert!(tokens.len() <= written.len() + 1);
        }
    }
}
