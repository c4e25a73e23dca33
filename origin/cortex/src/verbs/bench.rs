//! `cortex bench`.

use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::cli::BenchArgs;
use crate::command;
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::show::{self, table};
use crate::up::worker_program;

/// `cortex bench --json`.
#[derive(Debug, Serialize)]
struct Document {
    model: Model,
    cases: Vec<Case>,
}

/// What was measured.
#[derive(Debug, Serialize, Deserialize)]
struct Model {
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
struct Case {
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
pub(crate) async fn bench(home: &Home, args: BenchArgs, json: bool) -> Result<Exit, Failure> {
    let mut child = command(home, &args)?.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let out =
        child.stdout.take().ok_or_else(|| Failure::message(Exit::Broken, "the worker has no output"))?;
    let mut lines = BufReader::new(out).lines();
    let first = lines.next_line().await?;
    let model: Option<Model> = first.map(|line| serde_json::from_str(&line)).transpose()?;
    let mut cases: Vec<Case> = Vec::new();
    if let Some(model) = &model {
        show::note(&format!(
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
        let case: Case = serde_json::from_str(&line)?;
        show::note(&format!("measured: prompts of {}, {} at once", case.prompt, case.batch));
        cases.push(case);
    }
    let ended = child.wait().await?;
    let Some(model) = model.filter(|_| ended.success()) else {
        // It has said itself why.
        return Ok(Exit::Config);
    };
    if json {
        show::json(&Document { model, cases })?;
    } else {
        show::out(&text(&cases));
    }
    Ok(Exit::Done)
}

fn text(cases: &[Case]) -> String {
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

fn command(home: &Home, args: &BenchArgs) -> Result<Command, Failure> {
    let mut command = Command::from(command::own(worker_program()?));
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
            Case { prompt: 64, tokens: 8, batch: 2, prefill: 12.34, decode: 5.0, first_token_ms: 0.26 };
        let text = text(&[case]);
        let row: Vec<_> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(row, ["64", "8", "2", "12.3", "5.0", "0.3"]);
    }
}
