//! `cortex models load` and `cortex models unload`: jobs like any other, for the workers that chat.

use std::collections::BTreeMap;
use std::time::Duration;

use cortex_api::{CreateJobBody, JobView};
use cortex_domain::id::ModelName;
use cortex_domain::state::StateName;
use cortex_domain::topic::Topic;
use cortex_domain::topics;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::load_progress::LoadProgress;
use crate::commands::submit::watched;
use crate::exit::{Exit, Failure};
use crate::output;
use cortex_client::Api;

/// Longer than a worker takes for a load at most, unless it was told otherwise.
const LOAD_TIMEOUT: Duration = Duration::from_secs(15 * 60);

pub(super) async fn load(api: &Api, name: &ModelName, json: bool) -> Result<Exit, Failure> {
    let mut progress = LoadProgress::new(name);
    let job = run(api, &topics::MODEL_LOAD, name, |said| progress.show(said)).await;
    progress.clear();
    let job = job?;
    tell(&job, json, |answer| {
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
    tell(&job, json, |_| format!("{name} is unloaded"))
}

async fn run(
    api: &Api,
    topic: &Topic,
    name: &ModelName,
    said: impl FnMut(&Value),
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
    Ok(watched(api, accepted.id, LOAD_TIMEOUT, said).await?)
}

fn tell(job: &JobView, json: bool, said: impl Fn(&Value) -> String) -> Result<Exit, Failure> {
    if json {
        output::json(job)?;
    }
    if job.state == StateName::Succeeded {
        let answer = serde_json::from_str(job.result.as_deref().map(RawValue::get).unwrap_or("null"))?;
        if !json {
            output::out(&said(&answer));
        }
        return Ok(Exit::Done);
    }
    let why = job
        .error
        .as_ref()
        .map_or_else(|| format!("job {} is {}", job.id, job.state), |error| error.detail.clone());
    Err(Failure::message(Exit::Negative, why))
}
