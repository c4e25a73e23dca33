//! A home folder for one test.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

/// A `CORTEX_HOME` that is deleted when it is dropped. Its models are those of the test run.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
}

impl Home {
    /// Creates a home folder.
    ///
    /// # Panics
    /// Panics if the models are missing. `make test` downloads them.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("cortex-test-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let models = models();
        assert!(
            models.is_dir(),
            "{} is missing: run `make test`, which fetches the models",
            models.display()
        );
        symlink(models, folder.path().join("models")).unwrap();
        Self { folder }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder.
    #[must_use]
    pub fn write(&self, name: &str, contents: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, contents).unwrap();
        path
    }

    /// Returns one of the secrets that the origin made.
    #[must_use]
    pub fn secret(&self, name: &str) -> String {
        let secrets: Value =
            serde_json::from_slice(&fs::read(self.path().join("secrets.json")).unwrap()).unwrap();
        secrets[name].as_str().unwrap_or_else(|| panic!("no secret {name}")).to_owned()
    }

    /// Returns the end of a log, for failure messages.
    #[must_use]
    pub fn log(&self, name: &str) -> String {
        let text = fs::read_to_string(self.path().join("logs").join(name)).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

fn models() -> PathBuf {
    let named = std::env::var_os("CORTEX_TEST_MODELS").map(PathBuf::from);
    named.unwrap_or_else(|| crate::process::target().join("home/models"))
}
