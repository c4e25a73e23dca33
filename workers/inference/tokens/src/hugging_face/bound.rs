//! Whether a text's bytes alone say how many tokens it has at least.

use serde_json::Value;

use super::spelling::steps;
use crate::byte_alphabet;

/// Whether each byte of a text becomes a part of a token. Where text is changed, thrown away or unknown, bytes prove
/// nothing.
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

/// Whether a step of the pre-tokenizer throws nothing away.
fn keeps(step: &Value) -> bool {
    match step["type"].as_str() {
        Some("ByteLevel" | "Digits") => true,
        Some("Split" | "Punctuation") => step["behavior"] != "Removed",
        _ => false,
    }
}
