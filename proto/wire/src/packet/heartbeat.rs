//! `Heartbeat`: what a worker reports about itself.

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::ports::Event;
use cortex_domain::subject::Subject;
use cortex_domain::worker::{Gpu, Heartbeat, HeldLease};
use prost::Message as _;

use crate::error::{DecodeError, MessageName, filled};
use crate::v1;
use v1::heartbeat as parts;

const HEARTBEAT: MessageName = MessageName("Heartbeat");

/// The longest list in a heartbeat, for leases, topics, models, adapters, labels and buckets.
const MAX_LISTED: usize = 4096;
/// The longest free text in a heartbeat, in bytes.
const MAX_TEXT: usize = 256;

#[must_use]
pub fn encode_heartbeat(heartbeat: &Heartbeat) -> Bytes {
    v1::Heartbeat::from(heartbeat).encode_to_vec().into()
}

/// Decodes a heartbeat.
///
/// # Errors
/// Returns an error if the bytes are not a valid heartbeat, or a list is too long.
pub fn decode_heartbeat(bytes: &[u8]) -> Result<Heartbeat, DecodeError> {
    HEARTBEAT.packet::<v1::Heartbeat>(bytes)?.try_into()
}

/// Decodes a received event with a heartbeat.
///
/// # Errors
/// Returns an error if it is not valid, or is of another worker or pool than its subject.
pub fn receive_heartbeat(event: &Event) -> Result<Heartbeat, DecodeError> {
    let heartbeat = decode_heartbeat(&event.body)?;
    HEARTBEAT.addressed(event.subject == Subject::heartbeat(&heartbeat.worker, &heartbeat.pool))?;
    Ok(heartbeat)
}

impl From<&Heartbeat> for v1::Heartbeat {
    fn from(heartbeat: &Heartbeat) -> Self {
        Self {
            worker: heartbeat.worker.to_string(),
            kind: heartbeat.kind.clone(),
            pool: heartbeat.pool.to_string(),
            topics: heartbeat.topics.iter().map(ToString::to_string).collect(),
            capacity: heartbeat.capacity,
            in_flight: heartbeat.held.iter().map(Into::into).collect(),
            gpu: heartbeat.gpu.map(Into::into),
            models: heartbeat.models.iter().map(ToString::to_string).collect(),
            adapters: heartbeat.adapters.clone(),
            latency_ms: heartbeat.latency.clone(),
            region: heartbeat.region.clone().unwrap_or_default(),
            labels: heartbeat.labels.clone(),
            draining: heartbeat.draining,
            pid: heartbeat.pid,
            memory_resident: heartbeat.resident,
            memory_free: heartbeat.memory_free,
        }
    }
}

impl TryFrom<v1::Heartbeat> for Heartbeat {
    type Error = DecodeError;

    fn try_from(packet: v1::Heartbeat) -> Result<Self, DecodeError> {
        within_bounds(&packet)?;
        Ok(Self {
            worker: HEARTBEAT.text("worker", &packet.worker)?,
            kind: packet.kind,
            pool: HEARTBEAT.text("pool", &packet.pool)?,
            topics: HEARTBEAT.texts("topics", &packet.topics)?,
            capacity: packet.capacity,
            held: packet.in_flight.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            draining: packet.draining,
            models: HEARTBEAT.texts("models", &packet.models)?,
            adapters: packet.adapters,
            gpu: packet.gpu.map(TryInto::try_into).transpose()?,
            latency: packet.latency_ms,
            region: filled(packet.region),
            labels: packet.labels,
            pid: packet.pid,
            resident: packet.memory_resident,
            memory_free: packet.memory_free,
        })
    }
}

fn within_bounds(packet: &v1::Heartbeat) -> Result<(), DecodeError> {
    for (field, count) in [
        ("topics", packet.topics.len()),
        ("in_flight", packet.in_flight.len()),
        ("models", packet.models.len()),
        ("adapters", packet.adapters.len()),
        ("latency_ms", packet.latency_ms.len()),
        ("labels", packet.labels.len()),
    ] {
        HEARTBEAT.at_most(field, count, MAX_LISTED)?;
    }
    HEARTBEAT.at_most("kind", packet.kind.len(), MAX_TEXT)?;
    HEARTBEAT.at_most("region", packet.region.len(), MAX_TEXT)?;
    for adapter in &packet.adapters {
        HEARTBEAT.at_most("adapters", adapter.len(), MAX_TEXT)?;
    }
    for (key, value) in &packet.labels {
        HEARTBEAT.at_most("labels", key.len().max(value.len()), MAX_TEXT)?;
    }
    Ok(())
}

impl From<&HeldLease> for parts::Held {
    fn from(held: &HeldLease) -> Self {
        Self { job: held.job.as_bytes().to_vec(), lease: Some(held.lease.into()) }
    }
}

impl TryFrom<parts::Held> for HeldLease {
    type Error = DecodeError;

    fn try_from(held: parts::Held) -> Result<Self, DecodeError> {
        Ok(Self {
            job: HEARTBEAT.valid("in_flight.job", JobId::from_slice(&held.job))?,
            lease: HEARTBEAT.nested("in_flight.lease", held.lease)?,
        })
    }
}

impl From<Gpu> for parts::Gpu {
    fn from(gpu: Gpu) -> Self {
        Self { utilisation: gpu.utilisation, memory_used: gpu.memory_used, memory_total: gpu.memory_total }
    }
}

impl TryFrom<parts::Gpu> for Gpu {
    type Error = DecodeError;

    fn try_from(gpu: parts::Gpu) -> Result<Self, DecodeError> {
        let share = (0.0..=1.0).contains(&gpu.utilisation);
        HEARTBEAT.ensure("gpu.utilisation", share, "must be from 0 to 1")?;
        Ok(Self {
            utilisation: gpu.utilisation,
            memory_used: gpu.memory_used,
            memory_total: gpu.memory_total,
        })
    }
}
