//! Loading models from files.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Instant;

use cortex_api::LoadStep;
use cortex_tokens::Specials;
use serde_json::{Value, json};

use super::{request, tiny, write};
use crate::language::{LoadError, LoadOptions, PlacementError, StopReason, load};
use crate::{Device, Dtype};

fn options() -> LoadOptions {
    LoadOptions { device: Device::Cpu, threads: NonZeroUsize::MIN, ..LoadOptions::new("tiny") }
}

fn refused(path: &Path, options: &LoadOptions) -> LoadError {
    load(path, options, &mut |_| ()).expect_err("it is refused")
}

/// Changes the model's configuration.
fn configure(folder: &Path, key: &str, value: Value) {
    let file = folder.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    config[key] = value;
    fs::write(file, config.to_string()).unwrap();
}

#[tokio::test]
async fn a_folder_becomes_an_engine_that_answers_as_its_model_does() {
    let folder = tiny::folder();
    let mut steps = Vec::new();
    let options = LoadOptions { sha256: Some("12ab".into()), context: NonZeroUsize::new(256), ..options() };
    let engine = load(folder.path(), &options, &mut |progress| steps.push(progress)).unwrap();
    assert_eq!(engine.longest(), 256);
    assert!(engine.bytes() > 100_000);
    let mut asked = request("what is this?");
    (asked.max_tokens, asked.sampling.logprobs) = (Some(20), Some(0));
    let written = write(&engine, asked.clone()).await;
    let expected = super::reference::reference(&tiny::model(), &asked, 0, 20);
    assert_eq!(written.ids(), expected[..written.tokens.len()]);
    let receipt = serde_json::to_value(&written.whole().receipt).unwrap();
    assert_eq!((&receipt["model"], &receipt["sha256"]), (&json!("tiny"), &json!("12ab")));
    assert_eq!((&receipt["quantisation"], &receipt["device"]), (&json!("F32"), &json!("cpu")));

    let weights = |progress: &LoadStep| matches!(progress, LoadStep::Weights { .. });
    let [LoadStep::Tokenizer, read @ .., LoadStep::WarmUp, LoadStep::Start] = &steps[..] else {
        panic!("{steps:?}")
    };
    assert!(read.iter().all(weights));
    let Some(LoadStep::Weights { read, of }) = read.last() else { panic!("{steps:?}") };
    assert_eq!(read, of);
}

#[tokio::test]
async fn end_tokens_of_generation_config_end_a_text() {
    let folder = tiny::folder();
    let makers = |text: &str| fs::write(folder.path().join("generation_config.json"), text).unwrap();
    let open = || load(folder.path(), &options(), &mut |_| ());
    let mut asked = request("what is this?");
    (asked.max_tokens, asked.ignore_ends) = (Some(8), true);
    asked.sampling.logprobs = Some(0);
    let third = write(&open().unwrap(), asked.clone()).await.ids()[2];
    makers(&json!({"eos_token_id": [257, third]}).to_string());
    let engine = open().unwrap();
    assert_eq!(engine.tokenizer().ends(), [257, third]);
    asked.ignore_ends = false;
    let written = write(&engine, asked).await;
    assert_eq!(written.whole().reason, StopReason::Stop { string: None });
    assert!(written.whole().usage.completion_tokens <= 3);

    makers(r#"{"eos_token_id": 258}"#);
    let refused = open().expect_err("there is no such token").to_string();
    assert!(refused.ends_with("eos_token_id is 258, but there are only 258 tokens"), "{refused}");
    makers(r#"{"eos_token_id": "two"}"#);
    let refused = open().expect_err("that is no token").to_string();
    assert!(refused.contains("generation_config.json: "), "{refused}");
}

#[test]
fn a_load_ends_at_its_deadline_and_when_it_is_cancelled_in_any_step() {
    let folder = tiny::folder();
    let late = LoadOptions { deadline: Some(Instant::now()), ..options() };
    assert!(matches!(refused(folder.path(), &late), LoadError::Deadline));
    let steps = {
        let mut steps = 0;
        load(folder.path(), &options(), &mut |_| steps += 1).unwrap();
        steps
    };
    for end in 0..steps {
        let options = options();
        let (cancel, mut step) = (options.cancel.clone(), 0);
        let ended = load(folder.path(), &options, &mut |_| {
            if step == end {
                cancel.cancel();
            }
            step += 1;
        });
        assert!(matches!(ended, Err(LoadError::Cancelled)), "at {end}: {ended:?}");
        assert_eq!(step, end + 1);
    }
}

#[test]
fn a_model_that_gives_no_numbers_fails_when_it_is_loaded() {
    let folder = tiny::folder();
    let file = folder.path().join("model.safetensors");
    let mut bytes = fs::read(&file).unwrap();
    let end = bytes.len();
    // The last tensor ends with the file.
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&file, bytes).unwrap();
    let error = refused(folder.path(), &options());
    assert_eq!(
        error.to_string(),
        "the model failed its test run: the forward pass gave a number that is not finite"
    );
}

#[test]
fn what_is_missing_or_does_not_fit_is_named() {
    let folder = tiny::folder();
    let path = folder.path();
    let text = |options: &LoadOptions| refused(path, options).to_string();
    let dtype = LoadOptions { dtype: Some(Dtype::Bf16), ..options() };
    assert_eq!(text(&dtype), "unsupported dtype bf16 on cpu: use f32, or f16 for keys and values");
    let small = LoadOptions { cache_bytes: Some(1), ..options() };
    assert!(text(&small).contains("a cache of 1 bytes is too small"), "{}", text(&small));
    let cuda = LoadOptions { device: Device::Cuda(0), ..options() };
    if !cfg!(feature = "cuda") {
        assert!(text(&cuda).contains("cargo feature `cuda`"), "{}", text(&cuda));
    }
    configure(path, "max_position_embeddings", json!(1 << 30));
    let large = LoadOptions { cache_bytes: Some(1 << 50), ..options() };
    assert!(matches!(
        refused(path, &large),
        LoadError::Placement(PlacementError::Memory { what: "keys and values", .. })
    ));

    fs::write(path.join("chat_template.jinja"), "{{ messages }}").unwrap();
    let engine = load(path, &options(), &mut |_| ()).unwrap();
    assert_eq!(engine.tokenizer().chat_template(), Some("{{ messages }}"));
    fs::remove_file(path.join("tokenizer.json")).unwrap();
    assert!(text(&options()).contains("tokenizer.json: "), "{}", text(&options()));
    assert!(refused(&path.join("none.gguf"), &options()).to_string().contains("none.gguf: "));
}

#[tokio::test]
async fn weights_and_cache_take_no_more_than_they_may() {
    let folder = tiny::folder();
    for device in [Device::Cpu, Device::Candle] {
        let within = |memory| LoadOptions { device, memory: Some(memory), ..options() };
        let load = |options: &LoadOptions| load(folder.path(), options, &mut |_| ());
        let whole = load(&within(u64::MAX)).unwrap().bytes();
        let less = load(&within(whole - 1)).unwrap().bytes();
        assert!(less < whole, "{device}: {less} of {whole}");
        for (options, refused) in [
            (LoadOptions { cache_bytes: Some(u64::MAX), ..within(whole - 1) }, "keys and values"),
            (within(1), "the weights"),
        ] {
            let error = load(&options).unwrap_err();
            let LoadError::Placement(PlacementError::Memory { what, .. }) = error else { panic!("{error}") };
            assert_eq!(what, refused);
        }
    }
}

/// Returns a model file that has no vocabulary, with 256 bytes, `<s>` and `</s>` added as its
/// vocabulary.
fn with_vocabulary(mut gguf: Vec<u8>) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    let value = |key: &str, kind: u32, value: &[u8]| [&text(key), &kind.to_le_bytes()[..], value].concat();
    let (string, number, flag, array) = (8u32, 4u32, 7u32, 9u32);
    let list = |kind: u32, length: u64, items: Vec<u8>| {
        [&kind.to_le_bytes()[..], &length.to_le_bytes(), &items].concat()
    };
    let tokens = (0..256).map(|byte| text(&format!("<0x{byte:02X}>")));
    let tokens: Vec<u8> = tokens.chain([text("<s>"), text("</s>")]).flatten().collect();
    let kinds = std::iter::repeat_n(6i32, 256).chain([3, 3]).flat_map(i32::to_le_bytes);
    let mut values = vec![
        value("tokenizer.ggml.model", string, &text("llama")),
        value("tokenizer.ggml.tokens", array, &list(string, 258, tokens)),
        value("tokenizer.ggml.scores", array, &list(6, 258, vec![0; 258 * 4])),
        value("tokenizer.ggml.token_type", array, &list(5, 258, kinds.collect())),
        value("tokenizer.ggml.bos_token_id", number, &256u32.to_le_bytes()),
        value("tokenizer.ggml.eos_token_id", number, &257u32.to_le_bytes()),
        value("tokenizer.ggml.add_space_prefix", flag, &[0]),
        value("tokenizer.chat_template", string, &text("{{ messages }}")),
    ];
    // The weights are aligned to 32 bytes from their start.
    let filler = |width| value("filler", string, &text(&"x".repeat(width)));
    let length = values.concat().len() + filler(0).len();
    values.push(filler(length.next_multiple_of(32) - length));
    let count = u64::from_le_bytes(gguf[16..24].try_into().unwrap()) + values.len() as u64;
    gguf[16..24].copy_from_slice(&count.to_le_bytes());
    gguf.splice(24..24, values.concat());
    gguf
}

#[tokio::test]
async fn a_gguf_file_becomes_an_engine_with_the_vocabulary_in_it() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("transformer/fixtures/gguf-qwen3-q8/model.gguf");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.gguf");
    fs::write(&file, with_vocabulary(fs::read(&fixture).unwrap())).unwrap();
    for device in [Device::Cpu, Device::Candle] {
        let engine = load(&file, &LoadOptions { device, ..options() }, &mut |_| ()).unwrap();
        let tokenizer = engine.tokenizer();
        assert_eq!(tokenizer.encode("hi", Specials::Plain, true).unwrap(), [256, 104, 105]);
        assert_eq!((tokenizer.ends(), tokenizer.chat_template()), (&[257][..], Some("{{ messages }}")));
        assert_eq!(engine.identity().quantisation, "Q8_0");
        let mut asked = request("hi");
        (asked.max_tokens, asked.ignore_ends) = (Some(8), true);
        assert_eq!(write(&engine, asked).await.whole().usage.completion_tokens, 8);
    }
    assert!(refused(&fixture, &options()).to_string().contains("tokenizer.ggml.model"));
}
