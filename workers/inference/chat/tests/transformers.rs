//! What `transformers` renders, we render: the same bytes or the same refusal for generated conversations.
//! `fixtures/make.py` made both the conversations and the hashes of what they become.

#![allow(clippy::unwrap_used)]

mod data;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

use cortex_chat::{Conversation, Json, Now, Options, RenderError, Template};
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
struct Case {
    messages: Conversation,
    tools: Option<Vec<Json>>,
    documents: Option<Vec<Json>>,
    add_generation_prompt: bool,
    continue_final: bool,
    variables: BTreeMap<String, Json>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn cases() -> Vec<Case> {
    let packed = std::fs::read(fixtures().join("conversations.json.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

fn compiled(name: &str) -> (String, Template) {
    let source = data::template(name);
    let tokens = ["bos", "eos", "pad", "unk"].map(|token| (format!("{token}_token"), format!("<|{token}|>")));
    let template = Template::compile(&source, tokens.into()).unwrap();
    (source, template)
}

fn rendered(template: &Template, case: &Case) -> Result<String, RenderError> {
    let options = Options {
        tools: case.tools.clone(),
        documents: case.documents.clone(),
        add_generation_prompt: case.add_generation_prompt,
        continue_final: case.continue_final,
        enable_thinking: None,
        variables: case.variables.clone(),
        // 2026-02-03 04:05:06
        now: Now::from_unix(1_770_091_506, 0),
    };
    template.render(&case.messages, &options)
}

fn agrees(name: &str) {
    let (source, template) = compiled(name);
    let fixture = std::fs::read_to_string(fixtures().join(format!("{name}.txt"))).unwrap();
    let mut lines = fixture.lines();
    assert_eq!(
        lines.next().unwrap(),
        format!("template {name}.jinja {}", hash(&source)),
        "not the template that was rendered"
    );
    assert!(lines.next().unwrap().starts_with("made by transformers "));
    let cases = cases();
    assert_eq!(lines.clone().count(), cases.len());
    let mut differ = Vec::new();
    for (index, (case, expected)) in cases.iter().zip(lines).enumerate() {
        let outcome = rendered(&template, case);
        let actual = match &outcome {
            Ok(text) => format!("rendered {}", hash(text)),
            Err(RenderError::Raised(message)) => format!("raised {}", hash(message)),
            Err(RenderError::NotContinued(_)) => "refused".to_owned(),
            Err(RenderError::Failed { .. }) => "failed".to_owned(),
            Err(error) => error.to_string(),
        };
        if actual != expected {
            differ.push(format!("{index}: expected {expected}, got {actual}: {outcome:.400?}"));
        }
    }
    assert!(
        differ.is_empty(),
        "{} of {} differ:\n{}",
        differ.len(),
        cases.len(),
        differ[..differ.len().min(5)].join("\n")
    );
}

macro_rules! templates {
    ($($test:ident => $name:literal,)*) => {
        $(#[test]
        fn $test() {
            agrees($name);
        })*
    };
}

templates! {
    smollm3_renders_as_transformers_does => "HuggingFaceTB-SmolLM3-3B",
    hermes_3_renders_as_transformers_does => "NousResearch-Hermes-3-Llama-3.1-8B-tool_use",
    qwen_2_5_renders_as_transformers_does => "Qwen-Qwen2.5-7B-Instruct",
    qwen_3_renders_as_transformers_does => "Qwen-Qwen3-0.6B",
    llama_3_1_renders_as_transformers_does => "meta-llama-Llama-3.1-8B-Instruct",
    llama_3_2_renders_as_transformers_does => "meta-llama-Llama-3.2-3B-Instruct",
    phi_3_5_renders_as_transformers_does => "microsoft-Phi-3.5-mini-instruct",
    mistral_nemo_renders_as_transformers_does => "mistralai-Mistral-Nemo-Instruct-2407",
}
