//! Resident memory and the time to ready.

use std::time::{Duration, Instant};

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use serde_json::json;

use crate::Outcome;
use crate::process::{mapped, resident};
use crate::report::Report;
use crate::stats::median;

const PART: &str = "footprint";
const STARTS: usize = 3;
/// How long the processes are left alone before they count as idle.
const IDLE_DELAY: Duration = Duration::from_secs(2);

pub(crate) async fn measure(report: &mut Report) -> Outcome<()> {
    let home = Home::new();
    let mut ready = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let origin = Origin::start(&home, &Setup::embed()).await;
        ready.push(began.elapsed().as_secs_f64());
        origin.stop();
    }
    report.at_most(PART, "origin, echo and embed workers ready", median(ready), 3.0, "s");

    let origin = Origin::start(&home, &Setup::embed()).await;
    let workers = origin.workers().await;
    let worker = |kind: &str| {
        let found = workers.iter().find(|(id, _)| id.starts_with(kind)).map(|(_, pid)| *pid);
        found.ok_or_else(|| format!("no {kind} worker"))
    };
    tokio::time::sleep(IDLE_DELAY).await;
    report.at_most(PART, "cortex idle", mb(resident(origin.id())?), 40.0, "MB");
    report.add(PART, "echo worker idle", mb(resident(worker("echo")?)?), "MB");
    let embed = worker("embed")?;
    report.add(PART, "embed worker idle, all", mb(resident(embed)?), "MB");
    report.at_most(
        PART,
        "embed worker idle, beyond its weights",
        mb(beyond_weights(embed, &home)?),
        80.0,
        "MB",
    );
    embed_much(&origin).await?;
    let worked = beyond_weights(embed, &home)?;
    report.at_most(PART, "embed worker after 640 long texts, beyond its weights", mb(worked), 80.0, "MB");
    origin.stop();
    Ok(())
}

/// Embeds batches of the longest texts, so that the worker has used all the memory that it needs.
async fn embed_much(origin: &Origin) -> Outcome<()> {
    let text = "all that a worker holds beyond its weights it has by now ".repeat(30);
    let body = json!({ "model": "all-MiniLM-L6-v2", "input": vec![text; 32], "truncate": true });
    for _ in 0..20 {
        let answer = origin.api.post("/v1/embeddings", &body).await;
        if answer.status != 200 {
            return Err(format!("{answer:?}").into());
        }
    }
    Ok(())
}

/// Returns the resident memory without the weights: the resident pages of their file, and as much
/// of the file as is not mapped, because the worker has copied it.
fn beyond_weights(pid: u32, home: &Home) -> Outcome<u64> {
    let file = std::fs::canonicalize(home.path().join("models/all-MiniLM-L6-v2/model.safetensors"))?;
    let mapped = mapped(pid, &file)?;
    let copied = std::fs::metadata(&file)?.len().saturating_sub(mapped.size);
    Ok(resident(pid)?.saturating_sub(copied + mapped.resident))
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
