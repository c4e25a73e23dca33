//! `AuditEvent`: events of the audit log, in batches as the store keeps them.

use bytes::Bytes;
use cortex_domain::audit::AuditEvent;
use cortex_domain::time::Timestamp;
use prost::Message as _;

use crate::error::{DecodeError, MessageName, filled};
use crate::v1;

const AUDIT: MessageName = MessageName("AuditEvent");
const BATCH: MessageName = MessageName("AuditBatch");

impl From<&AuditEvent> for v1::AuditEvent {
    fn from(event: &AuditEvent) -> Self {
        Self {
            at: event.at.as_millis(),
            tenant: event.tenant.to_string(),
            principal: event.principal.to_string(),
            action: event.action.clone(),
            subject: event.subject.clone(),
            decision: event.decision.clone(),
            detail: event.detail.clone(),
            traceparent: event.traceparent.clone().unwrap_or_default(),
        }
    }
}

impl TryFrom<v1::AuditEvent> for AuditEvent {
    type Error = DecodeError;

    fn try_from(packet: v1::AuditEvent) -> Result<Self, DecodeError> {
        Ok(Self {
            at: Timestamp::from_millis(packet.at),
            tenant: AUDIT.text("tenant", &packet.tenant)?,
            principal: AUDIT.text("principal", &packet.principal)?,
            action: packet.action,
            subject: packet.subject,
            decision: packet.decision,
            detail: packet.detail,
            traceparent: filled(packet.traceparent),
        })
    }
}

/// Encodes several entries of the audit log for the store.
#[must_use]
pub fn encode_audit_batch<'a>(entries: impl IntoIterator<Item = &'a AuditEvent>) -> Bytes {
    v1::AuditBatch { entries: entries.into_iter().map(Into::into).collect() }.encode_to_vec().into()
}

/// Decodes entries of the audit log.
///
/// # Errors
/// Returns an error if the bytes are not a valid batch.
pub fn decode_audit_batch(bytes: &[u8]) -> Result<Vec<AuditEvent>, DecodeError> {
    BATCH.parse::<v1::AuditBatch>(bytes)?.entries.into_iter().map(AuditEvent::try_from).collect()
}
