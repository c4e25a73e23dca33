//! `cortex bench`.

use std::path::PathBuf;
use std::process::Stdio;

use cortex_domain::id::ModelName;
use cortex_node::Home;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::commands::up::worker_program;
use crate::exit::{Exit, Failure};
use crate::output::{self, Column, table};
use crate::program;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The model, which has to be installed
    #[arg(long, default_value = "cortex-small", value_name = "NAME")]
    pub(crate) model: ModelName,
    /// A file with the models, their files and sources [default: built in]
    #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
    pub(crate) models: Option<PathBuf>,
    /// Lengths of the prompts in tokens, separated by commas; each is measured with each batch size
    #[arg(long, value_delimiter = ',', default_value = "64,256", value_name = "TOKENS")]
    pub(crate) prompts: Vec<u32>,
    /// The length of an answer in tokens
    #[arg(long, default_value_t = 64, value_name = "TOKENS")]
    pub(crate) tokens: u32,
    /// Batch sizes, separated by commas: how many requests run at once
    #[arg(long, value_delimiter = ',', default_value = "1,8", value_name = "N")]
    pub(crate) batches: Vec<u32>,
    /// The device: auto, cpu, candle, cuda:N or metal
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    /// The floating-point type: f32, bf16 or f16 [default: the best of the device]
    #[arg(long)]
    pub(crate) dtype: Option<String>,
    /// The number of compute threads [default: one per core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<u16>,
    /// The maximum number of tokens of a prompt and its answer [default: the model's]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context: Option<u32>,
    /// The size of the KV cache in MiB [default: half of the free memory, at most 4096]
    #[arg(long, value_name = "MIB")]
    pub(crate) cache: Option<u32>,
}

/// The output of `cortex bench --json`.
#[derive(Debug, Serialize)]
struct BenchReport {
    model: BenchModel,
    cases: Vec<BenchCase>,
}

/// The model, and how it was run.
#[derive(Debug, Serialize, Deserialize)]
struct BenchModel {
    model: String,
    quantisation: String,
    device: String,
    dtype: String,
    threads: usize,
    memory_mib: u64,
    context: usize,
}

/// The speed with one prompt length and batch size.
#[derive(Debug, Serialize, Deserialize)]
struct BenchCase {
    /// The tokens of each prompt.
    prompt: usize,
    /// The tokens of each answer.
    tokens: usize,
    /// The number of requests at once.
    batch: usize,
    /// Tokens per second, over all requests.
    prefill: f64,
    decode: f64,
    first_token_ms: f64,
}

/// Measures a model in a worker process of its own, so that no other work disturbs it.
///
/// # Errors
/// Returns an error if the worker can't be started or its output is invalid.
pub(crate) async fn run(home: &Home, args: Args, json: bool) -> Result<Exit, Failure> {
    let mut child = command(home, &args)?.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let out = child.stdout.take().ok_or_else(|| Failure::defect("cortex-worker printed nothing"))?;
    let mut lines = BufReader::new(out).lines();
    let first = lines.next_line().await?;
    let model: Option<BenchModel> = first.map(|line| serde_json::from_str(&line)).transpose()?;
    let mut cases: Vec<BenchCase> = Vec::new();
    if let Some(model) = &model {
        output::note(&format!(
            "{}: {} on {} ({}), {} threads, {} MiB, {} tokens of context",
            model.model,
            model.quantisation,
            model.device,
            model.dtype,
            model.threads,
            model.memory_mib,
            model.context
        ));
    }
    while let Some(line) = lines.next_line().await? {
        let case: BenchCase = serde_json::from_str(&line)?;
        output::note(&format!("measured: prompts of {}, {} at once", case.prompt, case.batch));
        cases.push(case);
    }
    let ended = child.wait().await?;
    let Some(model) = model.filter(|_| ended.success()) else {
        // The worker has printed the reason.
        return Ok(Exit::Config);
    };
    if json {
        output::print_json(&BenchReport { model, cases })?;
    } else {
        output::print(&text(&cases))?;
    }
    Ok(Exit::Done)
}

fn text(cases: &[BenchCase]) -> String {
    let rows = cases.iter().map(|case| {
        [
            case.prompt.to_string(),
            case.tokens.to_string(),
            case.batch.to_string(),
            format!("{:.1}", case.prefill),
            format!("{:.1}", case.decode),
            format!("{:.1}", case.first_token_ms),
        ]
    });
    let columns =
        ["PROMPT", "ANSWER", "BATCH", "PREFILL T/S", "DECODE T/S", "FIRST TOKEN MS"].map(Column::fixed);
    table(columns, rows)
}

fn command(home: &Home, args: &Args) -> Result<Command, Failure> {
    let mut command = Command::from(program::own_command(worker_program()?));
    command.arg("bench").env("CORTEX_HOME", home.path());
    let joined = |list: &[u32]| list.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    command.args(["--model", args.model.as_str(), "--tokens", &args.tokens.to_string()]);
    command.args(["--prompts", &joined(&args.prompts), "--batches", &joined(&args.batches)]);
    command.args(["--device", &args.device]);
    let options = [
        ("--dtype", args.dtype.clone()),
        ("--threads", args.threads.map(|threads| threads.to_string())),
        ("--context", args.context.map(|tokens| tokens.to_string())),
        ("--cache", args.cache.map(|mib| mib.to_string())),
        ("--catalogue", args.models.as_ref().map(|file| file.display().to_string())),
    ];
    for (flag, value) in options {
        if let Some(value) = value {
            command.args([flag, &value]);
        }
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_a_row() {
        let case =
            BenchCase { prompt: 64, tokens: 8, batch: 2, prefill: 12.34, decode: 5.0, first_token_ms: 0.26 };
        let text = text(&[case]);
        let row: Vec<_> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(row, ["64", "8", "2", "12.3", "5.0", "0.3"]);
    }
}
