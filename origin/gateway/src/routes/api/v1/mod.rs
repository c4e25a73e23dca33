//! `/api/v1`.

pub(crate) mod jobs;
pub(crate) mod workers;
