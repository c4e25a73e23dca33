//! Vocabularies in GGUF files: which are rejected, and small ones that show the rules.

#![allow(clippy::unwrap_used)]

mod counting;
#[path = "../../gguf/tests/file/writer.rs"]
mod writer;

use std::time::{Duration, Instant};

use cortex_gguf::{Array, Gguf, Value};
use cortex_tokens::{EncodeError, LoadError, Specials, Tokenizer};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use writer::File;

fn load(values: Vec<(&str, Value)>) -> Result<Tokenizer, LoadError> {
    Tokenizer::from_gguf(&Gguf::parse(&file(values)).unwrap())
}

fn file(values: Vec<(&str, Value)>) -> Vec<u8> {
    let values = values.into_iter().map(|(key, value)| (format!("tokenizer.{key}"), value)).collect();
    File { values, tensors: Vec::new(), ..File::small() }.to_bytes()
}

fn strings(texts: &[&str]) -> Value {
    Value::Array(Array::String(texts.iter().map(|&text| text.to_owned()).collect()))
}

fn spm() -> Vec<(&'static str, Value)> {
    vec![
        ("ggml.model", Value::String("llama".into())),
        ("ggml.tokens", strings(&["<unk>", "<s>", "</s>", "▁", "a", "▁a", "aa", "<think>", "<0x62>"])),
        ("ggml.scores", Value::Array(Array::F32(vec![0., 0., 0., -9., -8., -2., -1., 0., 0.]))),
        ("ggml.token_type", Value::Array(Array::I32(vec![2, 3, 1, 1, 1, 1, 1, 4, 6]))),
        ("ggml.bos_token_id", Value::U32(1)),
        ("ggml.eos_token_id", Value::U32(2)),
    ]
}

fn with(key: &'static str, value: Value) -> Result<Tokenizer, LoadError> {
    let mut values = spm();
    values.retain(|(other, _)| *other != key);
    values.push((key, value));
    load(values)
}

#[test]
fn the_best_score_merges_first_and_bytes_cover_the_rest() {
    let tokenizer = load(spm()).unwrap();
    let ids = |text| tokenizer.encode(text, Specials::Plain, false).unwrap();
    assert_eq!(ids("aaa"), [3, 6, 4]);
    assert_eq!(ids("ab"), [5, 8]);
    assert_eq!(ids("\u{e9}"), [3, 0], "no bytes for it: unknown");
    assert_eq!(ids("a<think>a"), [5, 7, 5]);
    assert_eq!(tokenizer.decode(&ids("a<think>a")), b"a<think>a");
    assert!(tokenizer.is_control(2), "eos is a control token though the file has it as a word");
    let bare = with("ggml.add_space_prefix", Value::Bool(false)).unwrap();
    assert_eq!(bare.encode("aa", Specials::Plain, true).unwrap(), [1, 6]);
}

#[test]
fn a_contradictory_vocabulary_is_rejected_with_the_reason() {
    let refused = |key, value| with(key, value).unwrap_err();
    assert!(
        matches!(refused("ggml.model", Value::String("bert".into())), LoadError::Model(name) if name == "bert")
    );
    assert!(matches!(refused("ggml.model", Value::U8(1)), LoadError::Key("tokenizer.ggml.model")));
    assert!(matches!(refused("ggml.tokens", strings(&[])), LoadError::Length { .. }));
    assert!(matches!(refused("ggml.tokens", Value::U8(1)), LoadError::Key("tokenizer.ggml.tokens")));
    assert!(matches!(refused("ggml.scores", Value::Array(Array::F32(vec![0.]))), LoadError::Length { .. }));
    let kinds = |kind| Value::Array(Array::I32(vec![kind; 9]));
    assert!(matches!(refused("ggml.token_type", kinds(7)), LoadError::TokenKind { kind: 7, .. }));
    assert!(matches!(refused("ggml.token_type", kinds(6)), LoadError::Spelling { token: 0, .. }));
    assert!(matches!(
        refused("ggml.eos_token_id", Value::U32(9)),
        LoadError::OutOfVocabulary { token: 9, .. }
    ));
    assert!(matches!(refused("ggml.bos_token_id", Value::F32(1.)), LoadError::Key(_)));
    assert!(matches!(refused("ggml.add_bos_token", Value::U8(1)), LoadError::Key(_)));
}

fn bpe(pre: Option<&str>, tokens: &[&str], merges: &[&str]) -> Vec<(&'static str, Value)> {
    let mut values = vec![
        ("ggml.model", Value::String("gpt2".into())),
        ("ggml.tokens", strings(tokens)),
        ("ggml.merges", strings(merges)),
    ];
    values.extend(pre.map(|pre| ("ggml.pre", Value::String(pre.into()))));
    values
}

/// A byte's letter in GPT-2's alphabet.
fn letters() -> Vec<String> {
    (0..256u32)
        .map(|byte| match byte {
            0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => byte,
            0..=0x20 => 0x100 + byte,
            0x7f..=0xa0 => 0x100 + 33 + byte - 0x7f,
            _ => 0x143,
        })
        .map(|code| char::from_u32(code).unwrap().to_string())
        .collect()
}

#[test]
fn bpe_needs_a_pre_tokenizer_bytes_and_valid_merges() {
    let bpe = |pre: Option<&str>, tokens: &[&str], merges: &[&str]| load(bpe(pre, tokens, merges));
    let letters = letters();
    let mut tokens: Vec<&str> = letters.iter().map(String::as_str).collect();
    tokens.push("Ġa");
    let good = bpe(Some("gpt-2"), &tokens, &["Ġ a"]).unwrap();
    assert_eq!(good.encode("a a\0", Specials::Plain, true).unwrap(), [97, 256, 0]);
    assert!(matches!(bpe(None, &tokens, &[]), Err(LoadError::Key("tokenizer.ggml.pre"))));
    assert!(matches!(bpe(Some("klingon"), &tokens, &[]), Err(LoadError::PreTokenizer { .. })));
    assert!(matches!(bpe(Some("qwen2"), &["<|im_end|>"], &[]), Err(LoadError::NoBytes)));
    assert!(matches!(bpe(Some("qwen2"), &tokens, &["a b"]), Err(LoadError::Merge { index: 0, .. })));
    assert!(matches!(bpe(Some("qwen2"), &tokens, &["ab"]), Err(LoadError::Merge { index: 0, .. })));
}

#[test]
fn a_byte_without_a_token_is_skipped() {
    let letters = letters();
    let mut tokens: Vec<&str> = letters.iter().map(String::as_str).collect();
    tokens.retain(|letter| !["Ą", "ñ"].contains(letter));
    tokens.extend(["!!", "Ġa"]);
    let tokenizer = load(bpe(Some("smollm"), &tokens, &["! !", "Ġ a"])).unwrap();
    let ids = |text| tokenizer.encode(text, Specials::Plain, false).unwrap();
    assert_eq!(ids("!\u{4}!"), [tokenizer.id("!!").unwrap()], "the neighbours of 0x04 are one token");
    assert_eq!(ids("\u{4}"), [0; 0]);
    // A character whose first byte has no token keeps the other bytes.
    assert_eq!(ids("\u{40000}"), [tokenizer.id("Ģ").unwrap(); 3]);
    assert_eq!(ids("a\u{4} a"), ids("a a"));
}

#[test]
fn a_text_that_is_too_long_is_rejected_before_it_is_encoded() {
    let letters = letters();
    let mut tokens: Vec<&str> = letters.iter().map(String::as_str).collect();
    tokens.extend(["aa", "aaaa"]);
    let file = |pre| load(bpe(Some(pre), &tokens, &["a a", "aa aa"])).unwrap();
    let within = |tokenizer: &Tokenizer, text: &str, most| {
        tokenizer.encode_within(text, Specials::Plain, false, most).map(|tokens| tokens.len())
    };
    let refused = |most| Err(EncodeError::TooMany { most });
    for tokenizer in [file("gpt-2"), file("qwen2"), load(spm()).unwrap()] {
        let exact = tokenizer.encode(&"aaaa ".repeat(100), Specials::Plain, false).unwrap().len();
        assert_eq!(within(&tokenizer, &"aaaa ".repeat(100), exact), Ok(exact));
        assert_eq!(within(&tokenizer, &"aaaa ".repeat(100), exact - 1), refused(exact - 1));
        assert_eq!(within(&tokenizer, "", 0), Ok(0));
        let begun = Instant::now();
        for text in ["a", "a ", "1", "\u{1f600}", "\n"].map(|part| part.repeat(200 << 20 >> 10)) {
            assert_eq!(within(&tokenizer, &text, 1000), refused(1000));
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
    // Skipped bytes and composed characters lower the bound.
    let without_byte: Vec<&str> = tokens.iter().copied().filter(|token| *token != "Ą").collect();
    let incomplete = load(bpe(Some("gpt-2"), &without_byte, &[])).unwrap();
    assert_eq!(within(&incomplete, &"\u{4}".repeat(100), 0), Ok(0));
    let kelvins = "\u{212a}".repeat(12);
    assert_eq!(within(&file("qwen2"), &kelvins, 12), Ok(12));
}

/// `CORTEX_MUTATIONS` sets how many of each kind to try instead of 2,000.
#[test]
fn a_damaged_vocabulary_is_rejected_or_works() {
    let count = std::env::var("CORTEX_MUTATIONS").map_or(2_000, |count| count.parse().unwrap());
    let letters = letters();
    let mut tokens: Vec<&str> = letters.iter().map(String::as_str).collect();
    tokens.extend(["Ġa", "ab", "<|im_end|>"]);
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    for sound in [file(spm()), file(bpe(Some("gpt-2"), &tokens, &["Ġ a", "a b"]))] {
        let mut loaded = 0;
        for round in 0..count {
            let mut bytes = sound.clone();
            for _ in 0..=below(&mut random, 3) {
                damage(&mut bytes, &mut random);
            }
            let (works, peak) = counting::peak(|| {
                let Ok(tokenizer) = Gguf::parse(&bytes)
                    .map_err(drop)
                    .and_then(|gguf| Tokenizer::from_gguf(&gguf).map_err(drop))
                else {
                    return false;
                };
                let tokens =
                    tokenizer.encode("a ab\u{e9}<think></s>\n", Specials::Parse, true).unwrap_or_default();
                tokenizer.decode(&tokens);
                true
            });
            // Searching and merging allocate tables of their own, but never by a size that the file
            // only claims.
            assert!(peak < 4 << 20, "round {round}: {peak} bytes for a file of {}", bytes.len());
            loaded += usize::from(works);
        }
        assert!(0 < loaded && loaded < count, "{loaded} of {count}");
    }
}

fn damage(bytes: &mut [u8], random: &mut TestRng) {
    const NUMBERS: [u64; 6] = [0, 1, 0xff, u32::MAX as u64, 1 << 63, u64::MAX];
    let at = below(random, bytes.len());
    match below(random, 4) {
        0 => bytes[at] ^= 1 << below(random, 8),
        1 => bytes[at] = random.next_u32() as u8,
        2 => {
            let number = NUMBERS[below(random, NUMBERS.len())].to_le_bytes();
            let length = number.len().min(bytes.len() - at);
            bytes[at..at + length].copy_from_slice(&number[..length]);
        }
        _ => {
            let from = below(random, bytes.len());
            let length = below(random, 32).min(bytes.len() - at.max(from));
            bytes.copy_within(from..from + length, at);
        }
    }
}

fn below(random: &mut TestRng, bound: usize) -> usize {
    (random.next_u64() % bound as u64) as usize
}
