//! `cortex bench`.

use cortex_domain::id::ModelName;
use std::path::PathBuf;
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::commands::up::worker_program;
use crate::exit::{Exit, Failure};
use crate::output::{self, table};
use crate::program;
use cortex_node::Home;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The model, whose files have to be here
    #[arg(long, default_value = "cortex-small", value_name = "NAME")]
    pub(crate) model: ModelName,
    /// Models, their files and sources
    #[arg(long, env = "MODELS_PATH", value_name = "FILE")]
    pub(crate) models: Option<PathBuf>,
    /// Tokens of a prompt; every length is measured with every batch size
    #[arg(long, value_delimiter = ',', default_value = "64,256", value_name = "TOKENS")]
    pub(crate) prompts: Vec<u32>,
    /// Tokens of an answer
    #[arg(long, default_value_t = 64, value_name = "TOKENS")]
    pub(crate) tokens: u32,
    /// Requests at once
    #[arg(long, value_delimiter = ',', default_value = "1,8", value_name = "N")]
    pub(crate) batches: Vec<u32>,
    /// auto, cpu, candle, cuda:N or metal
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    /// Floats to compute in: f32, bf16 or f16
    #[arg(long)]
    pub(crate) dtype: Option<String>,
    /// Threads that compute [default: one per core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<u16>,
    /// Tokens of the longest prompt and answer together [default: what the model was made for]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context: Option<u32>,
    /// MiB for keys and values [default: half of what is free, at most 4096]
    #[arg(long, value_name = "MIB")]
    pub(crate) cache: Option<u32>,
}

/// `cortex bench --json`.
#[derive(Debug, Serialize)]
struct BenchReport {
    model: BenchModel,
    cases: Vec<BenchCase>,
}

/// What was measured.
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

/// How fast it was.
#[derive(Debug, Serialize, Deserialize)]
struct BenchCase {
    /// Tokens of each prompt.
    prompt: usize,
    /// Tokens of each answer.
    tokens: usize,
    /// Requests at once.
    batch: usize,
    /// Tokens a second, over all requests.
    prefill: f64,
    decode: f64,
    first_token_ms: f64,
}

/// Measures a model in a worker of its own, so that nothing else takes part.
///
/// # Errors
/// If the worker can't be started, or the model can't be measured.
pub(crate) async fn run(home: &Home, args: Args, json: bool) -> Result<Exit, Failure> {
    let mut child = command(home, &args)?.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let out =
        child.stdout.take().ok_or_else(|| Failure::message(Exit::Broken, "the worker has no output"))?;
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
        // It has said itself why.
        return Ok(Exit::Config);
    };
    if json {
        output::json(&BenchReport { model, cases })?;
    } else {
        output::out(&text(&cases));
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
    table(["PROMPT", "ANSWER", "BATCH", "PREFILL T/S", "DECODE T/S", "FIRST TOKEN MS"], rows)
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
