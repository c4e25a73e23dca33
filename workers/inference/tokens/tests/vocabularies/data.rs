//! Finds the vocabularies of real models, which are not part of the repository.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cortex_gguf::Gguf;
use cortex_tokens::Tokenizer;

const SEPARATOR: &str = "\n__ggml_vocab_test__\n";

pub(crate) fn tokenizer(name: &str) -> Tokenizer {
    Tokenizer::from_gguf(&gguf(name)).unwrap()
}

pub(crate) fn gguf(name: &str) -> Gguf {
    Gguf::parse(&file(name)).unwrap()
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(path(&format!("ggml-vocab-{name}.gguf"))).unwrap()
}

/// Llama 3's vocabulary with another family's pre-tokenizer.
pub(crate) fn with_pre_tokenizer(name: &str) -> Tokenizer {
    const KEY: &[u8] = b"tokenizer.ggml.pre";
    let file = file("llama-bpe");
    let key = file.windows(KEY.len()).position(|window| window == KEY).unwrap() + KEY.len();
    // After the type, a string consists of its length and its bytes.
    let (length, old) = (key + 4, "llama-bpe");
    let (kept, rest) = (&file[..length], &file[length + 8 + old.len()..]);
    let changed = [kept, &(name.len() as u64).to_le_bytes(), name.as_bytes(), rest].concat();
    Tokenizer::from_gguf(&Gguf::parse(&changed).unwrap()).unwrap()
}

/// The texts of a vocabulary, each with its expected tokens.
pub(crate) fn expected(name: &str) -> Vec<(String, Vec<u32>)> {
    let read = |end: &str| std::fs::read_to_string(path(&format!("ggml-vocab-{name}.gguf.{end}"))).unwrap();
    let ids = |line: &str| line.split_whitespace().map(|id| id.parse().unwrap()).collect();
    let (texts, ids): (_, Vec<Vec<u32>>) = (read("inp"), read("out").lines().map(ids).collect());
    let texts = texts.strip_suffix(SEPARATOR).unwrap_or(&texts);
    let texts: Vec<&str> = texts.split(SEPARATOR).collect();
    assert_eq!(texts.len(), ids.len(), "a line of tokens for each text");
    texts.into_iter().map(str::to_owned).zip(ids).collect()
}

/// The texts that transformers encoded with Qwen 2's vocabulary, written by `qwen2.py`.
pub(crate) fn qwen2() -> Vec<(String, Vec<u32>)> {
    #[derive(serde::Deserialize)]
    struct Case {
        text: String,
        ids: Vec<u32>,
    }
    let cases = include_str!("qwen2.jsonl").lines().skip(1).map(|line| serde_json::from_str(line).unwrap());
    cases.map(|case: Case| (case.text, case.ids)).collect()
}

fn path(name: &str) -> PathBuf {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(folder);
    let path = FOLDER.join(name);
    assert!(
        path.is_file(),
        "{} is missing: `scripts/tools.sh test` fetches it, and `scripts/tools.sh env` says where to",
        path.display()
    );
    path
}

fn folder() -> PathBuf {
    match std::env::var_os("CORTEX_TEST_DATA") {
        Some(named) => PathBuf::from(named).join("vocab"),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/vocab"),
    }
}

/// The families in `families.txt`, written by `families.py`: for each of the texts above, a hash of
/// its tokens.
pub(crate) fn families() -> Vec<(&'static str, Vec<&'static str>)> {
    let lines = include_str!("families.txt").lines().skip(1);
    let family = |line: &'static str| {
        let (name, hashes) = line.split_once(' ').unwrap();
        (name, hashes.split(' ').collect())
    };
    lines.map(family).collect()
}
