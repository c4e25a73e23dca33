//! Whether the byte count of a text alone gives a lower bound on its number of tokens.

use serde_json::Value;

use super::spelling::steps;
use crate::byte_alphabet;

/// Whether every byte of a text becomes part of a token. If text is changed, dropped or unknown,
/// the byte count proves nothing.
pub(super) fn keeps_bytes(json: &Value) -> bool {
    let model = &json["model"];
    let has = |byte: u8| model["vocab"].get(String::from(byte_alphabet::letter(byte))).is_some();
    let added = json["added_tokens"].as_array().map_or(&[][..], Vec::as_slice);
    json["normalizer"].is_null()
        && steps(&json["pre_tokenizer"], "pretokenizers").into_iter().all(keeps)
        && steps(&json["pre_tokenizer"], "pretokenizers").iter().any(|step| step["type"] == "ByteLevel")
        && added.iter().all(|token| token["lstrip"] != true && token["rstrip"] != true)
        && (0..=u8::MAX).all(has)
}

/// Whether a step of the pre-tokenizer drops no text.
fn keeps(step: &Value) -> bool {
    match step["type"].as_str() {
        Some("ByteLevel" | "Digits") => true,
        Some("Split" | "Punctuation") => step["behavior"] != "Removed",
        _ => false,
    }
}
