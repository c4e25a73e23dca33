//! The folders of real models.

use std::path::{Path, PathBuf};

/// Returns the folder of all-MiniLM-L6-v2.
#[allow(dead_code)]
pub(crate) fn dir() -> PathBuf {
    dir_of("all-MiniLM-L6-v2", "model.safetensors")
}

/// Returns a model's folder below `CORTEX_TEST_MODELS` or `target/home/models`. It must contain
/// this file.
pub(crate) fn dir_of(name: &str, file: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder of the target folder");
    let models =
        std::env::var_os("CORTEX_TEST_MODELS").map_or_else(|| target.join("home/models"), PathBuf::from);
    let dir = models.join(name);
    assert!(
        dir.join(file).exists(),
        "these tests need the model in {}: run `CORTEX_HOME=target/home cargo run -p cortex -- models pull {name}`, \
         or name another folder of models by CORTEX_TEST_MODELS",
        dir.display()
    );
    dir
}
