//! Questions to the safety kernel and its answers.

use bytes::Bytes;
use cortex_domain::policy::{Decision, DecisionView, Question};
use cortex_domain::time::Timestamp;
use prost::Message as _;

use crate::error::{DecodeError, Message};
use crate::v1;
use v1::check_response as answer;

const REQUEST: Message = Message("CheckRequest");
const RESPONSE: Message = Message("CheckResponse");

/// A question, and the time at which it is asked.
#[must_use]
pub fn encode_question(question: &Question, now: Timestamp) -> Bytes {
    v1::CheckRequest::from((question, now)).encode_to_vec().into()
}

/// # Errors
/// If the bytes are no question.
pub fn decode_question(bytes: &[u8]) -> Result<(Question, Timestamp), DecodeError> {
    REQUEST.parse::<v1::CheckRequest>(bytes)?.try_into()
}

#[must_use]
pub fn encode_decision(decision: &Decision) -> Bytes {
    v1::CheckResponse::from(decision).encode_to_vec().into()
}

/// # Errors
/// If the bytes are no decision.
pub fn decode_decision(bytes: &[u8]) -> Result<Decision, DecodeError> {
    RESPONSE.parse::<v1::CheckResponse>(bytes)?.try_into()
}

impl From<(&Question, Timestamp)> for v1::CheckRequest {
    fn from((question, now): (&Question, Timestamp)) -> Self {
        Self {
            owner: Some((&question.owner).into()),
            topic: question.topic.to_string(),
            context: question.context.to_string(),
            labels: question.labels.iter().cloned().collect(),
            now: now.as_millis(),
        }
    }
}

impl TryFrom<v1::CheckRequest> for (Question, Timestamp) {
    type Error = DecodeError;

    fn try_from(request: v1::CheckRequest) -> Result<Self, DecodeError> {
        let question = Question {
            owner: REQUEST.nested("owner", request.owner)?,
            topic: REQUEST.text("topic", &request.topic)?,
            context: REQUEST.text("context", &request.context)?,
            labels: request.labels.into_iter().collect(),
        };
        Ok((question, Timestamp::from_millis(request.now)))
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

/// The one place outside the safety kernel that makes an allowing decision; one that names no policy and
/// no rule allows nothing.
impl TryFrom<v1::CheckResponse> for Decision {
    type Error = DecodeError;

    fn try_from(response: v1::CheckResponse) -> Result<Self, DecodeError> {
        Ok(match RESPONSE.required("decision", response.decision)? {
            answer::Decision::Allow(clearance) => {
                RESPONSE.ensure("allow.policy", !clearance.policy.is_empty(), "it names the policy")?;
                RESPONSE.ensure("allow.rule", !clearance.rule.is_empty(), "it names the rule")?;
                Self::allow(clearance.into())
            }
            answer::Decision::Deny(denial) => Self::deny(denial.into()),
            answer::Decision::RequireHuman(denial) => Self::require_human(denial.into()),
            answer::Decision::Throttle(throttle) => Self::throttle(Timestamp::from_millis(throttle.until)),
        })
    }
}
