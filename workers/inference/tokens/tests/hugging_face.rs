//! Hugging Face's files, valid and damaged.

#![allow(clippy::unwrap_used)]

mod counting;

use cortex_tokens::{LoadError, Specials, Tokenizer};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Value, json};

/// A tokenizer in the style of Llama 2's: bytes for text that no piece covers, and a space before
/// the text.
fn sentencepiece() -> Value {
    let mut vocabulary = serde_json::Map::new();
    for text in ["<unk>", "<s>", "</s>"] {
        vocabulary.insert(text.into(), vocabulary.len().into());
    }
    for byte in 0..256 {
        vocabulary.insert(format!("<0x{byte:02X}>"), vocabulary.len().into());
    }
    for text in ["▁", "h", "i", "hi", "▁hi", "a"] {
        vocabulary.insert(text.into(), vocabulary.len().into());
    }
    let added = |id: u32, content: &str, special: bool| json!({"id": id, "content": content, "special": special, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false});
    json!({
        "version": "1.0",
        "truncation": {"max_length": 3, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": null,
        "added_tokens": [added(0, "<unk>", true), added(1, "<s>", true), added(2, "</s>", true), added(265, "<tool>", false)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ]},
        "pre_tokenizer": null,
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ]},
        "model": {"type": "BPE", "dropout": 0.5, "unk_token": "<unk>", "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true,
            "vocab": vocabulary, "merges": ["h i", "▁ hi"]},
    })
}

fn config() -> Value {
    json!({
        "bos_token": {"content": "<s>", "lstrip": false},
        "eos_token": "</s>",
        "add_bos_token": true,
        "chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}],
        "added_tokens_decoder": {
            "2": {"content": "</s>", "special": true},
            "266": {"content": "<|im_end|>", "special": false},
        },
    })
}

fn load(tokenizer: &Value, config: Option<&Value>) -> Result<Tokenizer, LoadError> {
    let config = config.map(|config| serde_json::to_vec(config).unwrap());
    Tokenizer::from_hugging_face(&serde_json::to_vec(tokenizer).unwrap(), config.as_deref(), &[])
}

#[test]
fn both_files_together_make_a_tokenizer() {
    let tokenizer = load(&sentencepiece(), Some(&config())).unwrap();
    let ids = |text, specials, bos| tokenizer.encode(text, specials, bos).unwrap();
    // Nothing is truncated to three tokens, no merge is random, and bytes cover the rest.
    assert_eq!(ids("hi hi\u{e9}", Specials::Plain, true), [1, 263, 263, 3 + 0xc3, 3 + 0xa9]);
    assert_eq!(ids("hi</s>hi", Specials::Parse, false), [263, 2, 263]);
    assert_eq!(tokenizer.decode(&[1, 263, 263, 3 + 0xc3, 3 + 0xa9]), "hi hi\u{e9}".as_bytes());
    assert_eq!(ids("a<tool>", Specials::Plain, false), [259, 264, 265]);
    assert_eq!((tokenizer.bytes(265), tokenizer.bytes(2)), (b"<tool>".as_slice(), b"".as_slice()));
    assert_eq!((tokenizer.ends(), tokenizer.bos()), ([2, 266].as_slice(), Some(1)));
    assert_eq!((tokenizer.chat_template(), tokenizer.vocabulary()), (Some("D"), 267));
}

#[test]
fn an_end_is_a_control_token_even_if_the_file_says_otherwise() {
    let tokenizer = load(&sentencepiece(), Some(&config())).unwrap();
    assert!(tokenizer.is_control(266));
    let plain = tokenizer.encode("a<|im_end|>", Specials::Plain, false).unwrap();
    assert!(!plain.contains(&266));
    assert_eq!(tokenizer.encode("<|im_end|>", Specials::Parse, false).unwrap(), [266]);
}

#[test]
fn further_ends_are_used_but_never_encoded_from_plain_text() {
    let file = serde_json::to_vec(&sentencepiece()).unwrap();
    let load = |ends: &[u32]| Tokenizer::from_hugging_face(&file, None, ends);
    let tokenizer = load(&[2, 265, 264, 2]).unwrap();
    assert_eq!(tokenizer.ends(), [2, 265, 264]);
    assert!(tokenizer.is_control(265));
    assert_eq!(tokenizer.encode("<tool>", Specials::Parse, false).unwrap(), [265]);
    assert!(!tokenizer.encode("<tool>", Specials::Plain, false).unwrap().contains(&265));
    // An end that is an ordinary word can still occur in users' text.
    assert_eq!(tokenizer.encode("a", Specials::Plain, false).unwrap(), [259, 264]);
    let refused = load(&[2, 266]).unwrap_err().to_string();
    assert_eq!(refused, "eos_token_id is 266, but there are only 266 tokens");
}

#[test]
fn bos_is_found_without_the_config_file() {
    let tokenizer = load(&sentencepiece(), None).unwrap();
    assert_eq!((tokenizer.bos(), tokenizer.adds_bos()), (Some(1), true));
    assert_eq!(tokenizer.ends(), [] as [u32; 0]);
}

#[test]
fn a_control_token_made_by_merging_is_rejected_in_plain_text() {
    let mut file = sentencepiece();
    file["model"]["vocab"]["</s>"] = 264.into();
    file["model"]["vocab"]["a"] = 2.into();
    file["added_tokens"][2] = json!({"id": 2, "content": "a", "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false});
    let tokenizer = load(&file, None).unwrap();
    assert!(tokenizer.encode("hia", Specials::Plain, false).is_err());
}

#[test]
fn unsupported_parts_are_named() {
    let mut file = sentencepiece();
    file["decoder"] = json!({"type": "WordPiece", "prefix": "##", "cleanup": true});
    assert!(matches!(load(&file, None), Err(LoadError::Decoder(name)) if name == "WordPiece"));
    let mut file = sentencepiece();
    file["added_tokens"][3]["id"] = 9.into();
    assert!(matches!(load(&file, None), Err(LoadError::AddedToken { declared: 9, found: Some(265), .. })));
    let mut file = sentencepiece();
    file["model"]["vocab"]["a"] = 4_000_000_000u32.into();
    assert!(matches!(load(&file, None), Err(LoadError::AddedToken { .. } | LoadError::Size(_))));
    assert!(matches!(
        Tokenizer::from_hugging_face(b"{}", Some(b"["), &[]),
        Err(LoadError::Json { file: "tokenizer_config.json", .. })
    ));
}

/// How many mutations to try instead of 2,000.
const MUTATIONS_VARIABLE: &str = "CORTEX_MUTATIONS";

#[test]
fn damaged_files_are_rejected_or_work() {
    let count = std::env::var(MUTATIONS_VARIABLE).map_or(2_000, |count| count.parse().unwrap());
    let (tokenizer, config) = (sentencepiece(), config());
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    // The pipeline's own panics are caught and needn't be printed.
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = std::panic::catch_unwind(move || {
        let mut loaded = 0;
        for round in 0..count {
            let (mut files, which) =
                ([tokenizer.clone(), config.clone()], usize::from(below(&mut random, 4) == 0));
            for _ in 0..=below(&mut random, 2) {
                damage(&mut files[which], &mut random);
            }
            let [tokenizer, config] = files.map(|file| serde_json::to_vec(&file).unwrap());
            let mut bytes = tokenizer;
            if round % 4 == 0 {
                let at = below(&mut random, bytes.len());
                bytes[at] = random.next_u32() as u8;
            }
            let (works, peak) = counting::peak(|| {
                let Ok(tokenizer) = Tokenizer::from_hugging_face(&bytes, Some(&config), &[2]) else {
                    return false;
                };
                let tokens =
                    tokenizer.encode("hi a\u{e9}<tool></s>\n", Specials::Plain, true).unwrap_or_default();
                tokenizer.decode(&tokens);
                true
            });
            assert!(peak < 64 << 20, "round {round}: {peak} bytes for a file of {}", bytes.len());
            loaded += usize::from(works);
        }
        loaded
    });
    drop(std::panic::take_hook());
    let loaded = outcome.expect("no damage gets through as a panic");
    assert!(0 < loaded && loaded < count, "{loaded} of {count}");
}

/// Replaces a value somewhere in the file, or removes it.
fn damage(value: &mut Value, random: &mut TestRng) {
    let inner: Vec<&mut Value> = match value {
        Value::Object(members) if below(random, 5) > 0 => {
            if below(random, 12) == 0 {
                let key = members.keys().nth(below(random, members.len().max(1))).cloned();
                key.and_then(|key| members.remove(&key));
                return;
            }
            members.values_mut().collect()
        }
        Value::Array(members) if below(random, 5) > 0 => members.iter_mut().collect(),
        _ => Vec::new(),
    };
    let count = inner.len();
    match inner.into_iter().nth(below(random, count.max(1))) {
        Some(inner) => damage(inner, random),
        None => {
            let hostile = [
                json!(null),
                json!(true),
                json!(-1),
                json!(0),
                json!(1),
                json!(3),
                json!(u32::MAX),
                json!(1e300),
                json!(""),
                json!("a"),
                json!("▁"),
                json!("<s>"),
                json!("é"),
                json!([]),
                json!([1, 2]),
                json!({}),
                json!({"type": "BPE"}),
            ];
            *value = hostile[below(random, hostile.len())].clone();
        }
    }
}

fn below(random: &mut TestRng, bound: usize) -> usize {
    (random.next_u64() % bound as u64) as usize
}
