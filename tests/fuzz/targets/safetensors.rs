//! One of a model's safetensors files, the others and its configuration being sound.
#![no_main]

use std::fs;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::OnceLock;

use cortex_transformer::{Cache, LogitsFor, Model, Options, Segment, Store};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

macro_rules! fixture {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../../workers/inference/transformer/fixtures/llama3/", $name))
                .as_slice(),
        )
    };
}

const SOUND: [(&str, &[u8]); 4] = [
    fixture!("config.json"),
    fixture!("model.safetensors.index.json"),
    fixture!("model-00002-of-00003.safetensors"),
    fixture!("model-00003-of-00003.safetensors"),
];

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder for the model");
    for (name, bytes) in SOUND {
        fs::write(folder.path().join(name), bytes).expect("a sound file");
    }
    folder
}

fuzz_target!(|bytes: &[u8]| {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(folder).path();
    fs::write(folder.join("model-00001-of-00003.safetensors"), bytes).expect("the file at hand");
    let options = Options { threads: NonZeroUsize::MIN, context: None };
    let Ok(model) = Model::open(folder, &options, &mut |_| ControlFlow::Continue(())) else { return };
    let mut cache = Cache::new(model.shape(), 1, Store::F32).expect("a block of a small model");
    let segment = Segment { tokens: &[0, 1], start: 0, blocks: &[0], logits_for: LogitsFor::All };
    model.forward(&mut cache, &[segment]).expect("a sound shape");
});
