//! `cortex models load` and `cortex models unload`, which submit jobs to the chat workers.

use std::collections::BTreeMap;
use std::time::Duration;

use cortex_api::{CreateJobBody, JobView};
use cortex_client::Api;
use cortex_domain::id::ModelName;
use cortex_domain::state::StateName;
use cortex_domain::topic::Topic;
use cortex_domain::topics;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::load_progress::LoadProgress;
use crate::commands::submit::follow_to_end;
use crate::exit::{Exit, Failure};
use crate::output;

/// How long to wait for a load: longer than a worker's own timeout, unless that was raised.
const LOAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);

pub(super) async fn load(api: &Api, name: &ModelName, json: bool) -> Result<Exit, Failure> {
    let mut progress = LoadProgress::new(name);
    let job = run(api, &topics::MODEL_LOAD, name, |update| progress.show(update)).await;
    progress.clear();
    let job = job?;
    print_result(&job, json, |answer| {
        let text = |field: &str| answer[field].as_str().unwrap_or("?").to_owned();
        let number = |field: &str| answer[field].as_u64().unwrap_or(0);
        format!(
            "{name} is loaded: {} on {}, {} tokens of context, {} MiB",
            text("quantisation"),
            text("device"),
            number("context"),
            number("memory_mib")
        )
    })
}

pub(super) async fn unload(api: &Api, name: &ModelName, json: bool) -> Result<Exit, Failure> {
    let job = run(api, &topics::MODEL_UNLOAD, name, |_| {}).await?;
    print_result(&job, json, |_| format!("{name} is unloaded"))
}

async fn run(
    api: &Api,
    topic: &Topic,
    name: &ModelName,
    on_progress: impl FnMut(&Value),
) -> Result<JobView, Failure> {
    let body = CreateJobBody {
        topic: topic.to_string(),
        input: to_raw_value(&serde_json::json!({ "model": name.as_str() }))?,
        priority: None,
        deadline: None,
        max_attempts: Some(1),
        labels: BTreeMap::new(),
    };
    let accepted = api.create(&body, None).await?;
    Ok(follow_to_end(api, accepted.id, LOAD_TIMEOUT, on_progress).await?)
}

/// Prints the job, or the sentence that `describe` makes of its result.
fn print_result(job: &JobView, json: bool, describe: impl Fn(&Value) -> String) -> Result<Exit, Failure> {
    if json {
        output::print_json(job)?;
    }
    if job.state == StateName::Succeeded {
        let answer = serde_json::from_str(job.result.as_deref().map(RawValue::get).unwrap_or("null"))?;
        if !json {
            output::print(&describe(&answer))?;
        }
        return Ok(Exit::Done);
    }
    let reason = job
        .error
        .as_ref()
        .map_or_else(|| format!("job {} is {}", job.id, job.state), |error| error.detail.clone());
    let help =
        format!("`cortex jobs events {}` shows what happened; `cortex models list` shows the models", job.id);
    Err(Failure::message(Exit::Negative, reason, help))
}
