//! Turns admitted requests into stored jobs, for HTTP and gRPC.

use cortex_api::{CreateJob, Problem, headers};
use cortex_domain::ErrorCode;
use cortex_domain::catalogue::Effects;
use cortex_domain::flow::Submission;
use cortex_domain::id::{IdempotencyKey, JobId, ModelName};
use cortex_domain::job::{CostEstimate, Idempotency, InputFormat, Job, Limits, Request};
use cortex_domain::ports::Acceptance;
use cortex_domain::topic::Topic;
use cortex_domain::topics;
use cortex_guard::flags::{Flags, MalformedFlags};
use cortex_guard::{fingerprint, precheck};
use cortex_platform::{entropy, telemetry};
use serde::Deserialize;

use super::Jobs;
use super::store::Parts;

use crate::auth::Admitted;
use crate::error;

impl Jobs {
    /// Parses and checks a request for a job.
    ///
    /// # Errors
    /// Returns a problem that names the fault and its place.
    pub(crate) async fn parse(&self, admitted: Admitted) -> Result<Submission, Problem> {
        let (parts, size) = (self.0.clone(), admitted.body.len());
        self.0.blocking.run(size, move || submission(&parts, admitted)).await
    }

    /// Stores a submission. It is flushed once this returns.
    ///
    /// # Errors
    /// Returns an error if the store fails, or if another request used the same key or id.
    pub(crate) async fn accept(&self, submission: Submission) -> Result<Job, Problem> {
        let _permit = self.0.submissions.acquire(&submission.request.owner.tenant)?;
        match self.0.store.accept(submission).await.map_err(|error| error::from_store(&error))? {
            Acceptance::New(job) | Acceptance::Known(job) => Ok(job),
            Acceptance::Mismatch => {
                let detail = "this idempotency key or job id was used for a different request: \
                    use a new one";
                Err(Problem::new(ErrorCode::IdempotencyMismatch, detail))
            }
        }
    }

    /// Returns whether a waiting caller can be served from memory. That requires a topic without
    /// side effects, which may run twice or without a caller, and a request without an idempotency
    /// key.
    pub(crate) fn can_run_as_call(&self, submission: &Submission) -> bool {
        let route = self.0.catalogue.route(&submission.request.topic);
        route.is_some_and(|route| route.effects == Effects::None) && submission.request.idempotency.is_none()
    }
}

fn submission(jobs: &Parts, admitted: Admitted) -> Result<Submission, Problem> {
    let body = CreateJob::parse(admitted.json()?, &jobs.topics)?;
    let route = jobs.catalogue.route(&body.topic).ok_or_else(|| {
        Problem::new(ErrorCode::UnknownTopic, format!("unknown topic `{}`", body.topic)).at("topic")
    })?;
    let labels = flags(&admitted)?.onto(body.labels);
    let idempotency = admitted.idempotency.clone().map(|key| idempotency(&admitted, key));
    let id = admitted.job.unwrap_or_else(|| JobId::mint(jobs.clock.now(), entropy::random()));
    telemetry::record_job(id);
    telemetry::record_current(telemetry::TOPIC, body.topic.as_str());
    let request = Request {
        input: InputFormat::Body,
        id,
        owner: admitted.owner,
        model: model(&body.topic, body.input.get()),
        topic: body.topic,
        priority: body.priority,
        limits: Limits {
            attempts: body.max_attempts.unwrap_or(route.attempts),
            run: route.run,
            deadline: body.deadline,
        },
        labels,
        idempotency,
        content: Some(fingerprint::content(body.input.get().as_bytes())),
        estimate: CostEstimate::of_input(body.input.get().as_bytes()),
        hops: admitted.hops,
        created_at: jobs.clock.now(),
        traceparent: admitted.traceparent,
    };
    Ok(Submission { request, input: body.input.get().as_bytes().to_vec() })
}

/// Returns the model that an input names, if its topic uses models. The worker parses the whole
/// input.
fn model(topic: &Topic, input: &str) -> Option<ModelName> {
    #[derive(Deserialize)]
    struct Named {
        model: String,
    }
    let of_models = topics::names_a_model(topic);
    let named: Named = of_models.then(|| serde_json::from_str(input).ok())??;
    named.model.parse().ok()
}

fn idempotency(admitted: &Admitted, key: IdempotencyKey) -> Idempotency {
    let content_type = admitted.content_type().unwrap_or_default();
    let fingerprint = fingerprint::of(admitted.method.as_str(), &admitted.path, content_type, &admitted.body);
    Idempotency { key, fingerprint }
}

/// Returns what was found in the input and does not reject it. The edge scans its requests and
/// signs the result. Requests of local callers are scanned here.
fn flags(admitted: &Admitted) -> Result<Flags, Problem> {
    match admitted.header(headers::FLAGS).filter(|_| admitted.signed) {
        Some(text) => text.parse().map_err(|error: MalformedFlags| {
            Problem::new(ErrorCode::InvalidRequest, format!("invalid header `{}`: {error}", headers::FLAGS))
        }),
        None => Ok(Flags::of(&precheck::personal_data(&admitted.body)?)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_model_of_a_job_comes_from_its_input() {
        let model = |topic: &str, input: &str| {
            super::model(&topic.parse().unwrap(), input).map(|name| name.to_string())
        };
        assert_eq!(model("job.chat.simple", r#"{"messages": [], "model": "a"}"#).as_deref(), Some("a"));
        assert_eq!(model("job.model.unload", r#"{"model": "b"}"#).as_deref(), Some("b"));
        for input in ["[]", "{}", r#"{"model": 1}"#, r#"{"model": ""}"#, r#"{"model": "a", "model": "b"}"#] {
            assert_eq!(model("job.embed", input), None, "{input}");
        }
        assert_eq!(model("job.echo", r#"{"model": "a"}"#), None);
    }

    use cortex_api::routes::BodyLimit;
    use cortex_domain::job::Owner;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn admitted(signed: bool, flags: Option<&'static str>, body: &'static [u8]) -> Admitted {
        let flags = flags
            .map(|flags| (http::HeaderName::from_static(headers::FLAGS), HeaderValue::from_static(flags)));
        Admitted {
            owner: Owner {
                tenant: "acme".parse().unwrap(),
                principal: "ci".parse().unwrap(),
                roles: Vec::new(),
            },
            signed,
            job: None,
            idempotency: None,
            hops: Vec::new(),
            traceparent: None,
            method: http::Method::POST,
            path: "/api/v1/jobs".to_owned(),
            query: String::new(),
            headers: flags.into_iter().collect::<HeaderMap>(),
            body: body.into(),
            body_limit: BodyLimit::Job,
        }
    }

    #[test]
    fn flags_of_the_edge_are_trusted_and_local_inputs_are_scanned() {
        let (plain, personal) = (br#"{"input":1}"#.as_slice(), br#"{"input":"a@example.org"}"#.as_slice());
        for (signed, header, body, expected) in [
            (true, Some("iban"), plain, "iban"),
            (true, Some(""), personal, ""),
            (true, None, personal, "email"),
            (false, Some(""), personal, "email"),
            (false, Some("iban"), plain, ""),
            (false, None, plain, ""),
        ] {
            let flags = flags(&admitted(signed, header, body)).unwrap();
            assert_eq!(flags.to_string(), expected, "{signed} {header:?}");
        }
        assert!(flags(&admitted(true, Some("A;"), plain)).is_err());
    }
}
