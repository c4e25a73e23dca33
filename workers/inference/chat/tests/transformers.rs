//! We render generated conversations to the same bytes as `transformers`, or reject them with the
//! same message. Both the conversations and the hashes of the results come from `fixtures/make.py`.

#![allow(clippy::unwrap_used)]

mod conversations;
mod data;

use cortex_chat::{RenderError, Template};

use conversations::{cases, fixtures, hash, rendered};

fn compiled(name: &str) -> (String, Template) {
    let source = data::template(name);
    let tokens = ["bos", "eos", "pad", "unk"].map(|token| (format!("{token}_token"), format!("<|{token}|>")));
    let template = Template::compile(&source, tokens.into()).unwrap();
    (source, template)
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
            Err(RenderError::Exception(message)) => format!("raised {}", hash(message)),
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
