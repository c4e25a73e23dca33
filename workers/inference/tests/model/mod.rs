//! Where the real model lies.

use std::path::{Path, PathBuf};

/// The folder of all-MiniLM-L6-v2: below `CORTEX_TEST_MODELS`, or `target/home/models`.
pub(crate) fn dir() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder of the target folder");
    let models =
        std::env::var_os("CORTEX_TEST_MODELS").map_or_else(|| target.join("home/models"), PathBuf::from);
    let dir = models.join("all-MiniLM-L6-v2");
    assert!(
        dir.join("model.safetensors").exists(),
        "these tests need the model in {}: run `CORTEX_HOME=target/home cargo run -p cortex -- models pull all-MiniLM-L6-v2`, \
         or name another folder of models by CORTEX_TEST_MODELS",
        dir.display()
    );
    dir
}
