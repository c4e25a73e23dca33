//! `limits.yaml`: the limits of tenants, of the store and of the origin's APIs.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::str::FromStr;

use cortex_config::{ConfigError, Parsed};
use cortex_domain::fair::{Sharing, Weights};
use cortex_domain::id::Tenant;
use cortex_domain::retention::Retention;
use cortex_gateway::Limits as ApiLimits;
use serde::Deserialize;

use super::api_limits::ApiLimitKeys;

/// The content of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) sharing: Sharing,
    pub(crate) retention: Retention,
    pub(crate) api: ApiLimits,
}

/// Why the file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{file}: invalid `{field}`: must be at least 1")]
    Zero { file: String, field: &'static str },
    #[error(
        "{file}: invalid `{field}`: must be at least 1 (`bodies` at least 2MiB), and `tenant` at \
            most `all`"
    )]
    Api { file: String, field: &'static str },
    #[error("{file}: invalid `weights`: the weight {weight} of {tenant} must be from 1 to {}", Weights::MAX)]
    Weight { file: String, tenant: Tenant, weight: u32 },
    #[error(
        "{file}: invalid `retention.ended`: must be at least `retention.keys`, because a job is \
            kept as long as its key"
    )]
    KeysOutlive { file: String },
}

/// The limits of tenants, of the store and of the origin's APIs.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct File {
    /// Limits that the tenants share. A tenant may use as much as is still free, times its weight.
    sharing: SharingKeys,
    /// What the store keeps for each tenant, and how long.
    retention: RetentionKeys,
    /// What may be open at the origin's APIs at the same time. A request beyond a limit is rejected
    /// with 429.
    api: Option<ApiLimitKeys>,
}

/// Limits that the tenants share.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct SharingKeys {
    /// Open calls and waits of all tenants together. A request beyond a tenant's share is rejected
    /// with 429.
    calls: usize,
    /// Durable jobs of all tenants that are queued in memory. Further jobs wait in the store.
    queue: usize,
    /// The weight of a tenant, from 1 to 1000. The default is 1.
    #[serde(default)]
    weights: BTreeMap<Parsed<Tenant>, u32>,
}

/// What the store keeps.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct RetentionKeys {
    /// How long an ended job is kept, with its log, input and result. Must be at least `keys`.
    #[cfg_attr(feature = "schema", schemars(with = "cortex_config::schema::Duration"))]
    ended: Parsed<humantime::Duration>,
    /// How many ended jobs a tenant keeps. Older ones are deleted.
    ended_jobs: u64,
    /// How many open jobs a tenant may have.
    open_jobs: u64,
    /// How many bytes the inputs and results of a tenant may take, with 1 KiB more for each job.
    #[cfg_attr(feature = "schema", schemars(with = "cortex_config::schema::Bytes"))]
    bytes: Parsed<Bytes>,
    /// How long an idempotency key is kept. Its job is kept at least as long.
    #[cfg_attr(feature = "schema", schemars(with = "cortex_config::schema::Duration"))]
    keys: Parsed<humantime::Duration>,
    /// How many idempotency keys a tenant may have.
    tenant_keys: u64,
    /// How long entries of the audit log are kept. Default: `90days`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<cortex_config::schema::Duration>"))]
    audit: Option<Parsed<humantime::Duration>>,
    /// How many entries of the audit log a tenant keeps. Default: 5000000.
    audit_entries: Option<u64>,
    /// How many bytes the audit log of a tenant may take. Default: `1GiB`.
    #[cfg_attr(feature = "schema", schemars(with = "Option<cortex_config::schema::Bytes>"))]
    audit_bytes: Option<Parsed<Bytes>>,
}

/// A number of bytes, such as `512MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) u64);

impl FromStr for Bytes {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "expected a number of KiB, MiB, GiB or TiB, such as 512MiB";
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1_u64 << 40,
            _ => return Err(WRONG),
        };
        digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit)).map(Self).ok_or(WRONG)
    }
}

impl Limits {
    /// Returns the JSON schema of the file.
    #[cfg(feature = "schema")]
    pub(crate) fn schema() -> schemars::Schema {
        schemars::schema_for!(File)
    }

    /// Parses the text of a file. `path` is only used in errors.
    ///
    /// # Errors
    /// Returns an error with file, key and line if the text is invalid.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, LimitsError> {
        let File { sharing, retention, api } = cortex_config::parse(text, path)?;
        let file = path.display().to_string();
        let at_least_one = |field, has| {
            if has { Ok(()) } else { Err(LimitsError::Zero { file: file.clone(), field }) }
        };
        at_least_one("sharing.calls", sharing.calls > 0)?;
        at_least_one("sharing.queue", sharing.queue > 0)?;
        at_least_one("retention.open_jobs", retention.open_jobs > 0)?;
        at_least_one("retention.bytes", retention.bytes.0.0 > 0)?;
        at_least_one("retention.tenant_keys", retention.tenant_keys > 0)?;
        at_least_one("retention.audit_entries", retention.audit_entries != Some(0))?;
        at_least_one(
            "retention.audit_bytes",
            retention.audit_bytes.as_ref().is_none_or(|bytes| bytes.0.0 > 0),
        )?;
        let usual = Retention::default();
        let weights = sharing.weights.into_iter().map(|(tenant, weight)| {
            let known = NonZeroU32::new(weight).filter(|weight| weight.get() <= Weights::MAX);
            let wrong = || LimitsError::Weight { file: file.clone(), tenant: tenant.0.clone(), weight };
            Ok((tenant.0.clone(), known.ok_or_else(wrong)?))
        });
        let weights = Weights::new(weights.collect::<Result<_, LimitsError>>()?);
        let retention = Retention {
            ended: retention.ended.0.into(),
            ended_jobs: retention.ended_jobs,
            open_jobs: retention.open_jobs,
            bytes: retention.bytes.0.0,
            keys: retention.keys.0.into(),
            tenant_keys: retention.tenant_keys,
            audit: retention.audit.map_or(usual.audit, |audit| audit.0.into()),
            audit_entries: retention.audit_entries.unwrap_or(usual.audit_entries),
            audit_bytes: retention.audit_bytes.map_or(usual.audit_bytes, |bytes| bytes.0.0),
        };
        if retention.ended < retention.keys {
            return Err(LimitsError::KeysOutlive { file });
        }
        let api = api.map(|keys| keys.limits()).transpose();
        let api = api.map_err(|field| LimitsError::Api { file, field })?.unwrap_or_default();
        let sharing = Sharing { calls: sharing.calls, queue: sharing.queue, weights, ..Sharing::default() };
        Ok(Self { sharing, retention, api })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../../deploy/config/limits.yaml");

    fn parse(text: &str) -> Result<Limits, String> {
        Limits::parse(text, Path::new("limits.yaml")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_shipped_file_equals_the_defaults() {
        let limits = parse(SHIPPED).unwrap();
        let (sharing, retention) = (Sharing::default(), Retention::default());
        let usual = Limits { sharing, retention, api: ApiLimits::default() };
        assert_eq!(limits, usual);
        let without = SHIPPED.split("api:").next().unwrap();
        assert_eq!(parse(without).unwrap(), usual);
    }

    #[test]
    fn a_weight_and_a_size_are_read() {
        let text = SHIPPED.replace("weights: {}", "weights: {acme: 3}").replace("4GiB", "512MiB");
        let limits = parse(&text).unwrap();
        assert_eq!(limits.sharing.weights.of(&"acme".parse().unwrap()).get(), 3);
        assert_eq!(limits.retention.bytes, 512 << 20);
    }

    #[test]
    fn invalid_values_are_rejected_by_name() {
        for (from, to, expected) in [
            ("calls: 8192", "calls: 0", "invalid `sharing.calls`"),
            ("weights: {}", "weights: {acme: 0}", "the weight 0 of acme"),
            ("weights: {}", "weights: {acme: 1001}", "1 to 1000"),
            ("ended: 7days", "ended: 1h", "at least `retention.keys`"),
            ("bytes: 4GiB", "bytes: 4GB", "KiB, MiB"),
            ("bytes: 4GiB", "bytes: 99999999999TiB", "KiB, MiB"),
            ("connections: 4096", "connections: 0", "`api.connections`"),
            ("audit_entries: 5000000", "audit_entries: 0", "invalid `retention.audit_entries`"),
            ("audit_bytes: 1GiB", "audit_bytes: 0KiB", "invalid `retention.audit_bytes`"),
            ("bodies: 64MiB", "bodies: 1MiB", "`api.bodies`"),
            ("streams: {all: 1024, tenant: 256}", "streams: {all: 8, tenant: 9}", "`api.streams`"),
            ("readers_of_job: 16", "readers_of_job: 0", "`api.readers_of_job`"),
            ("open_jobs: 50000", "open_job: 50000", "limits.yaml:"),
            ("keys: 24h", "keys: often", "limits.yaml:"),
        ] {
            let refused = parse(&SHIPPED.replace(from, to)).unwrap_err();
            assert!(refused.contains(expected), "{to}: {refused}");
        }
    }
}
