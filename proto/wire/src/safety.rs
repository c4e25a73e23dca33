//! Requests to the safety kernel and its decisions.

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::job::CostEstimate;
use cortex_domain::policy::{Decision, DecisionView, PolicyRequest};
use cortex_domain::state::Attempt;
use cortex_domain::time::Timestamp;
use prost::Message as _;

use crate::error::{DecodeError, MessageName};
use crate::job::content;
use crate::v1;
use v1::check_response as answer;

const REQUEST: MessageName = MessageName("CheckRequest");
const RESPONSE: MessageName = MessageName("CheckResponse");

/// Encodes a request and its time.
#[must_use]
pub fn encode_policy_request(request: &PolicyRequest, now: Timestamp) -> Bytes {
    v1::CheckRequest::from((request, now)).encode_to_vec().into()
}

/// Decodes a request.
///
/// # Errors
/// Returns an error if the bytes are not a valid request.
pub fn decode_policy_request(bytes: &[u8]) -> Result<(PolicyRequest, Timestamp), DecodeError> {
    REQUEST.parse::<v1::CheckRequest>(bytes)?.try_into()
}

#[must_use]
pub fn encode_decision(decision: &Decision) -> Bytes {
    v1::CheckResponse::from(decision).encode_to_vec().into()
}

/// Decodes a decision.
///
/// # Errors
/// Returns an error if the bytes are not a valid decision.
pub fn decode_decision(bytes: &[u8]) -> Result<Decision, DecodeError> {
    RESPONSE.parse::<v1::CheckResponse>(bytes)?.try_into()
}

impl From<(&PolicyRequest, Timestamp)> for v1::CheckRequest {
    fn from((request, now): (&PolicyRequest, Timestamp)) -> Self {
        Self {
            owner: Some((&request.owner).into()),
            topic: request.topic.to_string(),
            context: request.context.to_string(),
            labels: request.labels.clone().into_iter().collect(),
            now: now.as_millis(),
            job: request.job.as_bytes().to_vec(),
            attempt: request.attempt.0,
            model: request.model.as_ref().map(ToString::to_string).unwrap_or_default(),
            traceparent: request.traceparent.clone().unwrap_or_default(),
            content: request.content.map(|digest| digest.0.to_vec()).unwrap_or_default(),
            input_bytes: request.estimate.input_bytes,
            output_tokens: request.estimate.output_tokens.unwrap_or_default(),
            approvals: request.approvals.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::CheckRequest> for (PolicyRequest, Timestamp) {
    type Error = DecodeError;

    fn try_from(request: v1::CheckRequest) -> Result<Self, DecodeError> {
        let about = PolicyRequest {
            job: REQUEST.valid("job", JobId::from_slice(&request.job))?,
            attempt: Attempt(request.attempt),
            model: optional(&request.model).map(|model| REQUEST.text("model", model)).transpose()?,
            traceparent: optional(&request.traceparent).map(str::to_owned),
            content: content(REQUEST, &request.content)?,
            estimate: CostEstimate {
                input_bytes: request.input_bytes,
                output_tokens: Some(request.output_tokens).filter(|tokens| *tokens > 0),
            },
            approvals: request.approvals.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            owner: REQUEST.nested("owner", request.owner)?,
            topic: REQUEST.text("topic", &request.topic)?,
            context: REQUEST.text("context", &request.context)?,
            labels: request.labels.into_iter().collect(),
        };
        Ok((about, Timestamp::from_millis(request.now)))
    }
}

impl From<&Decision> for v1::CheckResponse {
    fn from(decision: &Decision) -> Self {
        let decision = match decision.view() {
            DecisionView::Allow(clearance) => answer::Decision::Allow(clearance.into()),
            DecisionView::Deny(denial) => answer::Decision::Deny(denial.into()),
            DecisionView::RequireHuman(denial) => answer::Decision::RequireHuman(denial.into()),
            DecisionView::Throttle { until } => {
                answer::Decision::Throttle(answer::Throttle { until: until.as_millis() })
            }
        };
        Self { decision: Some(decision) }
    }
}

/// Outside the safety kernel, only this code creates an allowing decision. A decision without a
/// policy and a rule is an error.
impl TryFrom<v1::CheckResponse> for Decision {
    type Error = DecodeError;

    fn try_from(response: v1::CheckResponse) -> Result<Self, DecodeError> {
        Ok(match RESPONSE.required("decision", response.decision)? {
            answer::Decision::Allow(clearance) => {
                RESPONSE.ensure("allow.policy", !clearance.policy.is_empty(), "must name the policy")?;
                RESPONSE.ensure("allow.rule", !clearance.rule.is_empty(), "must name the rule")?;
                Self::allow(clearance.into())
            }
            answer::Decision::Deny(denial) => Self::deny(denial.into()),
            answer::Decision::RequireHuman(denial) => Self::require_human(denial.into()),
            answer::Decision::Throttle(throttle) => Self::throttle(Timestamp::from_millis(throttle.until)),
        })
    }
}

fn optional(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
