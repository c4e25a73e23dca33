//! The section `api` of `limits.yaml`: what may be open at the origin's APIs at the same time.

use cortex_api::routes::BodyLimit;
use cortex_config::Parsed;
use cortex_gateway::{Limits, SharedLimit};
use serde::Deserialize;

use super::limits::Bytes;

/// A single tenant has half of it, which must hold one body.
const MIN_BODY_BYTES: usize = 2 * BodyLimit::MAX_BYTES;

/// What may be open at the origin's APIs at the same time.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct ApiLimitKeys {
    /// Connections. At the limit, a connection that has not authenticated is closed in favour of a
    /// new one.
    connections: usize,
    /// Bytes of request bodies while they are read, at least `2MiB`. A tenant may use as much as is
    /// still free.
    #[cfg_attr(feature = "schema", schemars(with = "Option<cortex_config::schema::Bytes>"))]
    bodies: Option<Parsed<Bytes>>,
    /// Streamed responses.
    streams: Counts,
    /// Clients that stream events of jobs or of responses.
    readers: Counts,
    /// Clients that stream the events of the same job.
    readers_of_job: usize,
    /// Bytes of responses that their clients have not read yet. A client that reads nothing for 30
    /// s is disconnected.
    unread_bytes: Sizes,
    /// Bytes of ended streams that may be resumed.
    ended_bytes: Sizes,
}

/// Two numbers.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Counts {
    /// For all tenants together.
    all: usize,
    /// For one tenant.
    tenant: usize,
}

/// Two sizes.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Sizes {
    /// For all tenants together.
    #[cfg_attr(feature = "schema", schemars(with = "cortex_config::schema::Bytes"))]
    all: Parsed<Bytes>,
    /// For one tenant.
    #[cfg_attr(feature = "schema", schemars(with = "cortex_config::schema::Bytes"))]
    tenant: Parsed<Bytes>,
}

impl ApiLimitKeys {
    /// Returns the limits.
    ///
    /// # Errors
    /// Returns the field that is 0 or too small, or that allows a tenant more than all tenants
    /// together.
    pub(super) fn limits(&self) -> Result<Limits, &'static str> {
        let share = |field, all, of_tenant| {
            if of_tenant == 0 || of_tenant > all { Err(field) } else { Ok(SharedLimit { all, of_tenant }) }
        };
        let counts = |field, counts: &Counts| share(field, counts.all, counts.tenant);
        let bytes = |bytes: &Parsed<Bytes>| usize::try_from(bytes.0.0).unwrap_or(usize::MAX);
        let sizes = |field, sizes: &Sizes| share(field, bytes(&sizes.all), bytes(&sizes.tenant));
        if self.connections == 0 {
            return Err("api.connections");
        }
        if self.readers_of_job == 0 {
            return Err("api.readers_of_job");
        }
        let usual = Limits::default();
        let bodies = self.bodies.as_ref().map_or(usual.bodies, bytes);
        if bodies < MIN_BODY_BYTES {
            return Err("api.bodies");
        }
        Ok(Limits {
            connections: self.connections,
            bodies,
            streams: counts("api.streams", &self.streams)?,
            readers: counts("api.readers", &self.readers)?,
            readers_of_job: self.readers_of_job,
            unread_bytes: sizes("api.unread_bytes", &self.unread_bytes)?,
            ended_bytes: sizes("api.ended_bytes", &self.ended_bytes)?,
            ..usual
        })
    }
}
