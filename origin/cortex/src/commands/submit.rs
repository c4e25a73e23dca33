//! `cortex submit`.

mod input;
mod labels;

use std::time::Duration;

use cortex_api::{CreateJobBody, JobView};
use cortex_client::{Api, CallError, JobUpdate};
use cortex_domain::id::{IdempotencyKey, JobId};
use cortex_domain::state::StateName;
use cortex_domain::topic::Topic;
use cortex_node::Home;
use serde_json::Value;
use tokio::time::timeout;

use crate::args::ApiArgs;
use crate::exit::{Exit, Failure};
use crate::output::{self, job as view};
use crate::target;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    /// The topic, which is the kind of work, such as job.echo
    pub(crate) topic: Topic,
    /// The input: JSON, `@FILE`, or `-` for standard input
    pub(crate) input: String,
    /// Wait for the result, at most this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) wait: Option<u64>,
    /// The priority: low, normal or high
    #[arg(long)]
    pub(crate) priority: Option<String>,
    /// The maximum number of attempts
    #[arg(long, value_name = "N")]
    pub(crate) max_attempts: Option<u32>,
    /// The deadline, after which the job does not run any more, such as 2026-11-20T23:36:30Z
    #[arg(long, value_name = "TIME")]
    pub(crate) deadline: Option<String>,
    /// A label, as name=value; repeat the option for several
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub(crate) labels: Vec<String>,
    /// An idempotency key: a repeated submission with the same key returns the same job
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

/// Submits a job and, with `--wait`, waits for its result.
///
/// # Errors
/// Returns an error if an argument is invalid, or if the API can't be reached or refuses the
/// request.
pub(crate) async fn run(home: &Home, args: Args, json: bool) -> Result<Exit, Failure> {
    let idempotency_key = args.idempotency_key.as_deref().map(str::parse::<IdempotencyKey>).transpose();
    let idempotency_key = idempotency_key.map_err(|error| {
        let message = format!("invalid --idempotency-key: {error}");
        Failure::message(Exit::BadInput, message, "pass another --idempotency-key, or leave it out")
    })?;
    let body = CreateJobBody {
        topic: args.topic.to_string(),
        input: input::read(&args.input)?,
        priority: args.priority,
        deadline: args.deadline,
        max_attempts: args.max_attempts,
        labels: labels::read(&args.labels)?,
    };
    let api = target::api(home, &args.api)?;
    let mut job = api.create(&body, idempotency_key.as_ref()).await?;
    if let Some(seconds) = args.wait {
        output::note(&format!("accepted as {}", job.id));
        job = follow_to_end(&api, job.id, Duration::from_secs(seconds), |_| {}).await?;
    }
    if json {
        output::print_json(&job)?;
    } else {
        output::print(&view::summary(&job))?;
    }
    if args.wait.is_some() && !job.state.is_terminal() {
        output::note(&format!(
            "the job has not ended yet: `cortex jobs events {} --follow` follows it",
            job.id
        ));
    }
    Ok(exit(job.state, args.wait.is_some()))
}

/// Follows a job and returns it at its end, or in its current state after `limit`. The job
/// continues in any case. Calls `on_progress` for each progress report of the worker.
pub(crate) async fn follow_to_end(
    api: &Api,
    id: JobId,
    limit: Duration,
    mut on_progress: impl FnMut(&Value),
) -> Result<JobView, CallError> {
    let end = async {
        let mut follow = api.follow(id);
        while let Some(update) = follow.update().await? {
            if let JobUpdate::Progress(progress) = update {
                on_progress(&progress);
            }
        }
        Ok::<_, CallError>(())
    };
    if let Ok(Err(error)) = timeout(limit, end).await {
        output::note(&format!("can't follow the job: {error}"));
    }
    api.job(id).await
}

/// Returns the exit code: a job that failed, or has no result after a wait, is a negative answer.
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
    fn a_job_without_a_result_is_negative_after_its_end_or_a_wait() {
        for &state in StateName::ALL {
            let succeeded = state == StateName::Succeeded;
            let expected = if succeeded { Exit::Done } else { Exit::Negative };
            assert_eq!(exit(state, true), expected, "{state}");
            let accepted = succeeded || !state.is_terminal();
            assert_eq!(exit(state, false) == Exit::Done, accepted, "{state}");
        }
    }
}
