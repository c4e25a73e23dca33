//! SmolLM2, a small public model whose vocabulary has no tokens for some bytes.
//! `smollm2/smollm2.py` wrote what transformers makes of the same texts and conversations.

#![allow(clippy::unwrap_used)]

#[path = "../chat/tests/conversations/mod.rs"]
mod conversations;
mod model;

use std::path::PathBuf;

use conversations::hash;
use cortex_api::body::Checked;
use cortex_api::chat::ChatRequest;
use cortex_chat::{RenderError, SpecialTokens, Template};
use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use cortex_gguf::Gguf;
use cortex_inference::Device;
use cortex_inference::generate::{Caller, ChatFormat, Defaults, Model};
use cortex_inference::language::{LoadOptions, load};
use cortex_tokens::{Specials, Tokenizer};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const NAME: &str = "SmolLM2-135M-Instruct-Q4_1";
const FILE: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";

fn file() -> PathBuf {
    model::dir_of(NAME, FILE).join(FILE)
}

fn tokenizer() -> Tokenizer {
    Tokenizer::from_gguf(&Gguf::parse(&std::fs::read(file()).unwrap()).unwrap()).unwrap()
}

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
}

#[test]
fn its_vocabulary_gives_the_tokens_of_transformers() {
    let tokenizer = tokenizer();
    let mut lines = include_str!("smollm2/texts.jsonl").lines();
    let head: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(head["lacking"].as_array().unwrap().len(), 21);
    let mut compared = 0;
    for line in lines {
        let Case { text, ids } = serde_json::from_str(line).unwrap();
        let encoded = tokenizer.encode(&text, Specials::Plain, false).unwrap();
        assert_eq!(encoded, ids, "{text:?}");
        compared += 1;
    }
    assert!(compared > 500);
}

#[test]
fn its_template_renders_what_transformers_renders_and_gives_the_same_tokens() {
    let tokenizer = tokenizer();
    let names = [
        ("bos_token", "<|im_start|>"),
        ("eos_token", "<|im_end|>"),
        ("pad_token", "<|pad|>"),
        ("unk_token", "<|unk|>"),
    ];
    let names: SpecialTokens = names.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    let template = Template::compile(tokenizer.chat_template().unwrap(), names).unwrap();
    let lines = include_str!("smollm2/conversations.txt").lines().skip(1);
    let cases = conversations::cases();
    assert_eq!(lines.clone().count(), cases.len());
    for (index, (case, expected)) in cases.iter().zip(lines).enumerate() {
        let outcome = match conversations::rendered(&template, case) {
            Ok(text) => {
                let ids = tokenizer.encode(&text, Specials::Parse, false).unwrap();
                let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
                format!("rendered {} {} {}", hash(text), ids.len(), hash(bytes))
            }
            Err(RenderError::Exception(message)) => format!("raised {}", hash(message)),
            Err(RenderError::NotContinued(_)) => "refused".to_owned(),
            Err(RenderError::Failed { .. }) => "failed".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(outcome, expected, "{index}");
    }
}

#[tokio::test]
async fn it_answers_a_question() {
    let options = LoadOptions { device: Device::Cpu, cache_bytes: Some(64 << 20), ..LoadOptions::new(NAME) };
    let engine = load(&file(), &options, &mut |_| ()).unwrap();
    let chat_format =
        ChatFormat::new(engine.tokenizer().chat_template().unwrap(), engine.tokenizer()).unwrap();
    let model = Model::new(NAME.parse().unwrap(), engine, Some(chat_format), Defaults::default());
    // The control character has no token in this vocabulary.
    let question = json!({"role": "user", "content": "What is the capital of \u{4}France?"});
    let body = json!({"model": NAME, "messages": [question], "temperature": 0, "max_tokens": 24}).to_string();
    let request = ChatRequest::parse(Checked::trust(body.as_bytes())).unwrap();
    let caller = Caller {
        job: JobId::mint(Timestamp::from_millis(1), [1; 10]),
        tenant: Some("a".parse().unwrap()),
        deadline: None,
        cancel: CancellationToken::new(),
    };
    let whole = model.chat(request, caller).await.unwrap().document().await.unwrap();
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    let answer = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(answer.contains("Paris"), "{answer}");
}
