//! Embeddings a second, compared with sentence-transformers on the same texts, with as many threads
//! and the same batch. Both programs are examples of `cortex-inference`, run in turn.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cortex_tests::process::target;
use serde_json::Value;

use crate::Outcome;
use crate::arguments::Arguments;
use crate::report::Report;
use crate::stats::median;

const PART: &str = "embeddings";
const THREADS: &str = "2";
const TEXTS: usize = 256;
/// The variable that names a Python with `sentence-transformers`.
const PYTHON: &str = "CORTEX_BENCH_PYTHON";

struct Round {
    rate: f64,
    /// Processor time for a text in milliseconds.
    cpu: f64,
}

pub(crate) fn measure(arguments: &Arguments, report: &mut Report) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let texts = folder.path().join("texts.json");
    std::fs::write(&texts, serde_json::to_string(&made_texts())?)?;
    let ours = target().join("release/examples/embed_speed");
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("workers/inference/examples/embed_speed.py");
    let python = std::env::var_os(PYTHON).map_or_else(|| PathBuf::from("python3"), PathBuf::from);

    let mut rounds = vec![run(Command::new(&ours), &texts)?];
    let twin = || {
        let mut command = Command::new(&python);
        command.arg(&script);
        command
    };
    let mut twins = Vec::new();
    match run(twin(), &texts) {
        Ok(round) => twins.push(round),
        Err(_) => report.note(format!(
            "embeddings: sentence-transformers is not there to compare with; name a Python that has it in {PYTHON}"
        )),
    }
    for _ in 1..arguments.rounds {
        rounds.push(run(Command::new(&ours), &texts)?);
        if !twins.is_empty() {
            twins.push(run(twin(), &texts)?);
        }
    }
    let of = |rounds: &[Round], value: fn(&Round) -> f64| median(rounds.iter().map(value).collect());
    report.add(PART, "ours, 2 threads, batch 32", of(&rounds, |round| round.rate), "/s");
    report.add(PART, "ours, CPU a text", of(&rounds, |round| round.cpu), "ms");
    if !twins.is_empty() {
        report.add(PART, "sentence-transformers, the same", of(&twins, |round| round.rate), "/s");
        report.add(PART, "sentence-transformers, CPU a text", of(&twins, |round| round.cpu), "ms");
        let ratios = rounds.iter().zip(&twins).map(|(ours, theirs)| ours.rate / theirs.rate);
        report.at_least(PART, "ours / sentence-transformers", median(ratios.collect()), 1.0, "x");
    }
    Ok(())
}

fn run(mut command: Command, texts: &Path) -> Outcome<Round> {
    let model = target().join("home/models/all-MiniLM-L6-v2");
    let output = command.arg(model).arg(texts).args([THREADS, "1"]).stderr(Stdio::null()).output()?;
    let lines = String::from_utf8(output.stdout)?;
    let line: Value = serde_json::from_str(lines.lines().last().unwrap_or_default())?;
    let number = |name: &str| line[name].as_f64().ok_or_else(|| format!("no {name} in {line}"));
    Ok(Round { rate: number("texts_per_s")?, cpu: number("cpu_s")? * 1e3 / TEXTS as f64 })
}

/// Returns texts of 4 to 150 words, the same in every run.
fn made_texts() -> Vec<String> {
    const LENGTHS: [usize; 13] = [4, 6, 8, 10, 12, 15, 18, 22, 30, 40, 60, 90, 150];
    const WORDS: [&str; 24] = [
        "the", "river", "runs", "under", "an", "old", "bridge", "where", "people", "wait", "for", "rain",
        "and", "nobody", "knows", "how", "long", "it", "takes", "to", "cross", "water", "by", "night",
    ];
    let mut state = 7_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut text = || {
        let words = LENGTHS[draw(LENGTHS.len())];
        (0..words).map(|_| WORDS[draw(WORDS.len())]).collect::<Vec<_>>().join(" ")
    };
    (0..TEXTS).map(|_| text()).collect()
}
