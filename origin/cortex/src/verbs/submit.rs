//! `cortex submit`.

use std::time::Duration;

use cortex_api::{CreateJobBody, JobView};
use cortex_domain::id::{IdempotencyKey, JobId};
use cortex_domain::state::StateName;
use serde_json::Value;
use tokio::time::timeout;

use super::{input, labels, place, view};
use crate::cli::SubmitArgs;
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::show;
use cortex_client::{Api, CallError, Update};

/// Hands a job over, and waits for its end if asked to.
///
/// # Errors
/// If the input is none, or the API can't be reached or refuses.
pub(crate) async fn submit(home: &Home, args: SubmitArgs, json: bool) -> Result<Exit, Failure> {
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
    let api = place::api(home, &args.api)?;
    let mut job = api.create(&body, idempotency.as_ref()).await?;
    if let Some(seconds) = args.wait {
        show::note(&format!("accepted as {}", job.id));
        job = ended(&api, job.id, Duration::from_secs(seconds)).await?;
    }
    if json {
        show::json(&job)?;
    } else {
        show::out(&view::brief(&job));
    }
    if args.wait.is_some() && !job.state.is_terminal() {
        show::note(&format!(
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
pub(super) async fn watched(
    api: &Api,
    id: JobId,
    within: Duration,
    mut said: impl FnMut(&Value),
) -> Result<JobView, CallError> {
    let end = async {
        let mut follow = api.follow(id);
        while let Some(update) = follow.update().await? {
            if let Update::Progress(progress) = update {
                said(&progress);
            }
        }
        Ok::<_, CallError>(())
    };
    if let Ok(Err(error)) = timeout(within, end).await {
        show::note(&format!("the job's log can't be followed: {error}"));
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
