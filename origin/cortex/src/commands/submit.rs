//! `cortex submit`.

mod input;
mod labels;

use crate::args::ApiArgs;
use cortex_domain::topic::Topic;
use std::time::Duration;

use cortex_api::{CreateJobBody, JobView};
use cortex_domain::id::{IdempotencyKey, JobId};
use cortex_domain::state::StateName;
use serde_json::Value;
use tokio::time::timeout;

use crate::exit::{Exit, Failure};
use crate::output;
use crate::output::job as view;
use crate::target;
use cortex_client::{Api, CallError, JobUpdate};
use cortex_node::Home;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    /// What kind of work, e.g. job.echo
    pub(crate) topic: Topic,
    /// The input: JSON, `@FILE`, or `-` for standard input
    pub(crate) input: String,
    /// Wait for the result, this many seconds at most
    #[arg(long, value_name = "SECONDS")]
    pub(crate) wait: Option<u64>,
    /// low, normal or high
    #[arg(long)]
    pub(crate) priority: Option<String>,
    /// Dispatches at most
    #[arg(long, value_name = "N")]
    pub(crate) max_attempts: Option<u32>,
    /// A point in time after which it need not be done, e.g. 2026-11-20T23:36:30Z
    #[arg(long, value_name = "TIME")]
    pub(crate) deadline: Option<String>,
    /// A label, as name=value
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub(crate) labels: Vec<String>,
    /// Makes a repeated submission the same job
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

/// Hands a job over, and waits for its end if asked to.
///
/// # Errors
/// If the input is none, or the API can't be reached or refuses.
pub(crate) async fn run(home: &Home, args: Args, json: bool) -> Result<Exit, Failure> {
    let idempotency = args.idempotency_key.as_deref().map(str::parse::<IdempotencyKey>).transpose();
    let idempotency = idempotency
        .map_err(|error| Failure::message(Exit::BadInput, format!("--idempotency-key: {error}")))?;
    let body = CreateJobBody {
        topic: args.topic.to_string(),
        input: input::read(&args.input)?,
        priority: args.priority,
        deadline: args.deadline,
        max_attempts: args.max_attempts,
        labels: labels::read(&args.labels)?,
    };
    let api = target::api(home, &args.api)?;
    let mut job = api.create(&body, idempotency.as_ref()).await?;
    if let Some(seconds) = args.wait {
        output::note(&format!("accepted as {}", job.id));
        job = ended(&api, job.id, Duration::from_secs(seconds)).await?;
    }
    if json {
        output::json(&job)?;
    } else {
        output::out(&view::summary(&job));
    }
    if args.wait.is_some() && !job.state.is_terminal() {
        output::note(&format!(
            "it has not ended yet: `cortex jobs events {} --follow` shows how it goes on",
            job.id
        ));
    }
    Ok(exit(job.state, args.wait.is_some()))
}

/// The job at its end, or as it stands when the time is over. It was accepted, so it goes on without us.
async fn ended(api: &Api, id: JobId, within: Duration) -> Result<JobView, CallError> {
    watched(api, id, within, |_| {}).await
}

/// The same, with what its worker says meanwhile.
pub(crate) async fn watched(
    api: &Api,
    id: JobId,
    within: Duration,
    mut said: impl FnMut(&Value),
) -> Result<JobView, CallError> {
    let end = async {
        let mut follow = api.follow(id);
        while let Some(update) = follow.update().await? {
            if let JobUpdate::Progress(progress) = update {
                said(&progress);
            }
        }
        Ok::<_, CallError>(())
    };
    if let Ok(Err(error)) = timeout(within, end).await {
        output::note(&format!("the job's log can't be followed: {error}"));
    }
    api.job(id).await
}

/// Whoever waited for a result and has none gets a no.
fn exit(state: StateName, waited: bool) -> Exit {
    match state {
        StateName::Succeeded => Exit::Done,
        StateName::Failed | StateName::Cancelled | StateName::Timeout | StateName::Denied => Exit::Negative,
        StateName::Pending | StateName::Scheduled | StateName::Dispatched | StateName::Running => {
            if waited {
                Exit::Negative
            } else {
                Exit::Done
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_without_a_result_is_a_no_once_it_ended_or_was_waited_for() {
        for &state in StateName::ALL {
            let succeeded = state == StateName::Succeeded;
            let expected = if succeeded { Exit::Done } else { Exit::Negative };
            assert_eq!(exit(state, true), expected, "{state}");
            let accepted = succeeded || !state.is_terminal();
            assert_eq!(exit(state, false) == Exit::Done, accepted, "{state}");
        }
    }
}
