//! The section `door` of `limits.yaml`: how much may be open at the origin's doors at once.

use cortex_api::routes::BodyLimit;
use cortex_config::Parsed;
use cortex_gateway::{Limits, Share};
use serde::Deserialize;

use super::limits::Bytes;

/// A tenant alone has half, which has room for a body.
const LEAST_FOR_BODIES: usize = 2 * BodyLimit::MAX_BYTES;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DoorKeys {
    connections: usize,
    bodies: Option<Parsed<Bytes>>,
    streams: Counts,
    readers: Counts,
    readers_of_job: usize,
    unread_bytes: Sizes,
    ended_bytes: Sizes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counts {
    all: usize,
    tenant: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sizes {
    all: Parsed<Bytes>,
    tenant: Parsed<Bytes>,
}

impl DoorKeys {
    /// # Errors
    /// With the field that is 0, or more for a tenant than for all.
    pub(super) fn limits(&self) -> Result<Limits, &'static str> {
        let share = |field, all, of_tenant| {
            if of_tenant == 0 || of_tenant > all { Err(field) } else { Ok(Share { all, of_tenant }) }
        };
        let counts = |field, counts: &Counts| share(field, counts.all, counts.tenant);
        let bytes = |bytes: &Parsed<Bytes>| usize::try_from(bytes.0.0).unwrap_or(usize::MAX);
        let sizes = |field, sizes: &Sizes| share(field, bytes(&sizes.all), bytes(&sizes.tenant));
        if self.connections == 0 {
            return Err("door.connections");
        }
        if self.readers_of_job == 0 {
            return Err("door.readers_of_job");
        }
        let usual = Limits::default();
        let bodies = self.bodies.as_ref().map_or(usual.bodies, bytes);
        if bodies < LEAST_FOR_BODIES {
            return Err("door.bodies");
        }
        Ok(Limits {
            connections: self.connections,
            bodies,
            streams: counts("door.streams", &self.streams)?,
            readers: counts("door.readers", &self.readers)?,
            readers_of_job: self.readers_of_job,
            unread_bytes: sizes("door.unread_bytes", &self.unread_bytes)?,
            ended_bytes: sizes("door.ended_bytes", &self.ended_bytes)?,
            ..usual
        })
    }
}
