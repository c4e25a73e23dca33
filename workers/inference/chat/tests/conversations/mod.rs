//! The conversations that `fixtures/make.py` generated, and what we make of them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

use cortex_chat::{Conversation, Json, Now, Options, RenderError, Template};
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
pub(crate) struct Case {
    messages: Conversation,
    tools: Option<Vec<Json>>,
    documents: Option<Vec<Json>>,
    add_generation_prompt: bool,
    continue_final: bool,
    variables: BTreeMap<String, Json>,
}

/// The folder of this crate's fixtures, from the crate around it too.
pub(crate) fn fixtures() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let here = ["fixtures", "chat/fixtures"].map(|folder| package.join(folder));
    here.into_iter().find(|folder| folder.is_dir()).expect("the fixtures are in the repository")
}

pub(crate) fn cases() -> Vec<Case> {
    let packed = std::fs::read(fixtures().join("conversations.json.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn rendered(template: &Template, case: &Case) -> Result<String, RenderError> {
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

pub(crate) fn hash(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}
