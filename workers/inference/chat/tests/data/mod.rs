//! Where real chat templates and vocabularies lie. They are nobody's to copy here, so they come from the environment,
//! from beside the repository; `scripts/tools.sh test` fetches them.

use std::path::{Path, PathBuf};

/// The folder of templates, `templates`, and of vocabularies, `vocab`.
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

/// A file of the folder.
pub(crate) fn read(name: &str) -> Vec<u8> {
    let path = folder().join(name);
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; `scripts/tools.sh test` fetches it", path.display()))
}
