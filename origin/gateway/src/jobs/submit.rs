//! From an admitted request to a job in the store, whichever door it came through.

use std::collections::{BTreeMap, BTreeSet};

use cortex_domain::flow::Submission;
use cortex_domain::id::IdempotencyKey;
use cortex_domain::job::{Idempotency, Job, Limits, Request};
use cortex_domain::ports::Acceptance;
use cortex_guard::api::CreateJob;
use cortex_guard::{Kind, Problem, fingerprint, precheck};

use crate::door::Admitted;
use crate::gateway::Inner;
use crate::refuse;

/// The label that tells which kinds of personal data the input seems to hold.
const PERSONAL: &str = "cortex/personal-data";

/// Checks what was asked for and makes a submission of it.
///
/// # Errors
/// A problem that names what is wrong and where.
pub(crate) fn submission(inner: &Inner, admitted: Admitted) -> Result<Submission, Problem> {
    let asked = CreateJob::parse(admitted.content_type(), &admitted.body, &inner.topics)?;
    let route = inner.catalogue.route(&asked.topic).ok_or_else(|| {
        Problem::new(Kind::UnknownTopic, format!("nothing here works on `{}`", asked.topic)).at("topic")
    })?;
    let labels = labels(&admitted.body, asked.labels)?;
    let idempotency = admitted.idempotency.clone().map(|key| idempotency(&admitted, key));
    let request = Request {
        id: admitted.job.unwrap_or_else(|| inner.mint()),
        owner: admitted.owner,
        topic: asked.topic,
        priority: asked.priority,
        limits: Limits {
            attempts: asked.max_attempts.unwrap_or(route.attempts),
            run: route.run,
            deadline: asked.deadline,
        },
        labels,
        idempotency,
        hops: admitted.hops,
        created_at: inner.now(),
        traceparent: admitted.traceparent,
    };
    Ok(Submission { request, input: asked.input.get().as_bytes().to_vec() })
}

/// Takes a submission into the store; once this returns it is flushed.
///
/// # Errors
/// If the store fails, or another request came before under the same key or id.
pub(crate) async fn accept(inner: &Inner, submission: Submission) -> Result<Job, Problem> {
    match inner.store.accept(submission).await.map_err(|error| refuse::store(&error))? {
        Acceptance::New(job) | Acceptance::Known(job) => Ok(job),
        Acceptance::Mismatch => {
            let detail = "another request came before under this idempotency key or job id";
            Err(Problem::new(Kind::IdempotencyMismatch, detail))
        }
    }
}

fn idempotency(admitted: &Admitted, key: IdempotencyKey) -> Idempotency {
    let content_type = admitted.content_type().unwrap_or_default();
    let fingerprint = fingerprint::of(admitted.method.as_str(), &admitted.path, content_type, &admitted.body);
    Idempotency { key, fingerprint }
}

/// The caller's labels, and one for personal data: it is flagged, not refused.
fn labels(body: &[u8], mut labels: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Problem> {
    let kinds: BTreeSet<_> = precheck::personal_data(body)?.iter().map(|finding| finding.kind).collect();
    if !kinds.is_empty() {
        labels.insert(PERSONAL.to_owned(), kinds.into_iter().collect::<Vec<_>>().join(","));
    }
    Ok(labels)
}
