use serde_json::Value;

use crate::LoadError;
use crate::vocabulary::{LeadingSpace, Spelling};

/// How the decoder reads a token's text, and whether it treats `<0x0A>` as a byte.
pub(super) fn of(decoder: &Value) -> Result<(Spelling, bool), LoadError> {
    let steps = steps(decoder, "decoders");
    let has = |kind: &str| steps.iter().any(|step| step["type"] == kind);
    let replaces = |step: &&&Value| {
        step["type"] == "Replace" && step["pattern"]["String"] == "\u{2581}" && step["content"] == " "
    };
    if has("ByteLevel") {
        return Ok((Spelling::ByteLevel, false));
    }
    if has("Metaspace") || steps.iter().any(|step| replaces(&step)) {
        return Ok((Spelling::SentencePiece, has("ByteFallback")));
    }
    let names: Vec<&str> = steps.iter().filter_map(|step| step["type"].as_str()).collect();
    Err(LoadError::Decoder(if names.is_empty() { "none".to_owned() } else { names.join(", ") }))
}

/// Where encoding adds a space: a normalizer adds one to each section between added tokens; a
/// pre-tokenizer says where.
pub(super) fn leading_space(json: &Value) -> LeadingSpace {
    let normalizers = steps(&json["normalizer"], "normalizers");
    if normalizers.iter().any(|step| step["type"] == "Prepend" && step["prepend"] == "\u{2581}") {
        return LeadingSpace::Sections;
    }
    let pre_tokenizers = steps(&json["pre_tokenizer"], "pretokenizers");
    match pre_tokenizers.iter().find(|step| step["type"] == "Metaspace") {
        None => LeadingSpace::Never,
        Some(step) => match step["prepend_scheme"].as_str() {
            Some("never") => LeadingSpace::Never,
            Some("first") => LeadingSpace::First,
            Some(_) => LeadingSpace::Sections,
            None if step["add_prefix_space"] == false => LeadingSpace::Never,
            None => LeadingSpace::Sections,
        },
    }
}

/// A component's steps: those of a sequence, or else the component itself.
pub(super) fn steps<'a>(component: &'a Value, inside: &str) -> Vec<&'a Value> {
    match component[inside].as_array() {
        Some(steps) => steps.iter().collect(),
        None => vec![component],
    }
}
