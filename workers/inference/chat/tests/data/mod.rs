//! Where the real chat templates lie. They are nobody's to copy here, so they come from the environment, from beside
//! the repository; `deploy/tools.sh test` fetches them.

use std::path::{Path, PathBuf};

/// The folder of templates.
pub(crate) fn templates() -> PathBuf {
    match std::env::var_os("CORTEX_TEST_DATA") {
        Some(folder) => PathBuf::from(folder).join("templates"),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/templates"),
    }
}

/// A template's source.
pub(crate) fn template(name: &str) -> String {
    let path = templates().join(format!("{name}.jinja"));
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; `deploy/tools.sh test` fetches it", path.display()))
}
