//! Converts a gRPC submission to the equivalent HTTP request. Both then pass the same checks, and
//! an idempotency key is valid for both APIs.

use bytes::Bytes;
use cortex_api::routes::BodyLimit;
use cortex_api::{CreateJobBody, Problem, body as json};
use cortex_domain::ErrorCode;
use cortex_domain::id::IdempotencyKey;
use cortex_domain::job::Owner;
use cortex_domain::time::Timestamp;
use cortex_wire::v1::SubmitRequest;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::value::RawValue;

use crate::auth::{self, Admitted};

/// Returns the equivalent HTTP request.
///
/// # Errors
/// Returns an error if the input is not valid JSON, or if the idempotency key is invalid.
pub(super) fn admitted(
    owner: Owner,
    metadata: &HeaderMap,
    request: SubmitRequest,
) -> Result<Admitted, Problem> {
    let idempotency = idempotency(&request.idempotency_key, metadata)?;
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Ok(Admitted {
        owner,
        signed: false,
        job: None,
        idempotency,
        hops: Vec::new(),
        traceparent: auth::continued_traceparent(metadata),
        method: Method::POST,
        path: "/api/v1/jobs".to_owned(),
        query: String::new(),
        headers: headers.into_iter().collect(),
        body: body(request)?,
        body_limit: BodyLimit::Job,
    })
}

fn body(request: SubmitRequest) -> Result<Bytes, Problem> {
    json::check_length(request.input.len(), BodyLimit::Job.bytes())?;
    json::check_depth(&request.input)?;
    let input: Box<RawValue> = json::parse(&request.input).map_err(|problem| problem.at("input"))?;
    let body = CreateJobBody {
        topic: request.topic,
        input,
        priority: (!request.priority.is_empty()).then_some(request.priority),
        deadline: request.deadline.map(|at| Timestamp::from_millis(at).to_string()),
        max_attempts: (request.max_attempts != 0).then_some(request.max_attempts),
        labels: request.labels,
    };
    let body = serde_json::to_vec(&body).expect("text and JSON are JSON");
    Ok(body.into())
}

fn idempotency(field: &str, metadata: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    if field.is_empty() {
        return auth::idempotency(metadata);
    }
    let invalid = |error| Problem::new(ErrorCode::InvalidRequest, format!("{error}")).at("idempotency_key");
    field.parse().map(Some).map_err(|error: cortex_domain::id::ParseError| invalid(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> SubmitRequest {
        SubmitRequest {
            topic: "job.echo".into(),
            input: br#"{ "a" : 1.50 }"#.to_vec(),
            deadline: Some(1_795_217_790_000),
            max_attempts: 3,
            ..SubmitRequest::default()
        }
    }

    #[test]
    fn the_body_equals_the_http_body_with_the_input_unchanged() {
        assert_eq!(
            std::str::from_utf8(&body(request()).unwrap()).unwrap(),
            r#"{"topic":"job.echo","input":{ "a" : 1.50 },"deadline":"2026-11-20T23:36:30.000Z","max_attempts":3}"#
        );
    }

    #[test]
    fn an_input_cannot_add_fields_to_the_body() {
        for (input, kind) in [
            (br#"1,"priority":"high""#.to_vec(), ErrorCode::MalformedJson),
            (Vec::new(), ErrorCode::MalformedJson),
            (b"[".repeat(65), ErrorCode::TooDeep),
            (vec![b' '; BodyLimit::Job.bytes() + 1], ErrorCode::TooLarge),
        ] {
            assert_eq!(body(SubmitRequest { input, ..request() }).unwrap_err().kind, kind);
        }
    }

    #[test]
    fn an_impossible_time_is_rejected_by_the_check_of_the_body() {
        let body = body(SubmitRequest { deadline: Some(u64::MAX), ..request() }).unwrap();
        let json = Some("application/json");
        let refused = cortex_guard::precheck::check_json(json, &body, BodyLimit::Job)
            .and_then(|body| cortex_api::CreateJob::parse(body, &"job.echo".parse().unwrap()));
        assert_eq!(refused.unwrap_err().extensions["param"], "deadline");
    }

    #[test]
    fn the_field_takes_precedence_over_the_metadata() {
        let metadata: HeaderMap =
            [(http::HeaderName::from_static("idempotency-key"), HeaderValue::from_static("meta"))]
                .into_iter()
                .collect();
        let key = |field| idempotency(field, &metadata).unwrap().map(|key| key.to_string());
        assert_eq!((key("field").as_deref(), key("").as_deref()), (Some("field"), Some("meta")));
        assert_eq!(idempotency("", &HeaderMap::new()).unwrap(), None);
    }
}
