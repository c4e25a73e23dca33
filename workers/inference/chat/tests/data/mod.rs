//! Locates real chat templates and vocabularies. We may not redistribute them, so they come from a
//! folder named by the environment or beside the repository; `scripts/tools.sh test` downloads
//! them.

use std::path::{Path, PathBuf};

/// The folder that contains `templates` and `vocab`.
pub(crate) fn folder() -> PathBuf {
    match std::env::var_os("CORTEX_TEST_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data"),
    }
}

/// A template's source.
pub(crate) fn template(name: &str) -> String {
    String::from_utf8(read(&format!("templates/{name}.jinja"))).unwrap()
}

/// Reads a file in the folder.
pub(crate) fn read(name: &str) -> Vec<u8> {
    let path = folder().join(name);
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; `scripts/tools.sh test` fetches it", path.display()))
}
