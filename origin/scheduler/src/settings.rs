//! Reads `pools.yaml` and `timeouts.yaml`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use cortex_config::{ConfigError, Parsed};
use cortex_domain::catalogue::{Effects, Route, TopicCatalogue};
use cortex_domain::fair::Sharing;
use cortex_domain::id::Pool;
use cortex_domain::topic::Topic;
use serde::Deserialize;

/// The settings of the scheduler. The files don't contain the sharing, which is the default until
/// it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub catalogue: TopicCatalogue,
    /// How often workers send a heartbeat.
    pub heartbeat: Duration,
    /// A worker that sends no heartbeat for this long loses its jobs.
    pub lease: Duration,
    /// How tenants share the queue, the calls and the requests to the safety kernel.
    pub sharing: Sharing,
}

/// Why the files can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{file}: unknown topic `{topic}` in `topics` (expected a topic that {pools} lists)")]
    UnknownTopic { file: String, pools: String, topic: Topic },
    #[error(
        "{file}: invalid `lease`: must be at least three times `heartbeat`, so that one lost heartbeat does not end a lease"
    )]
    LeaseTooShort { file: String },
}

/// `pools.yaml`: the pool of workers that runs each topic.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Pools {
    /// The topics. A job of any other topic is rejected.
    topics: BTreeMap<Parsed<Topic>, TopicRoute>,
}

/// Where the jobs of a topic run.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct TopicRoute {
    /// The pool whose workers run the topic's jobs.
    pool: Parsed<Pool>,
    /// Whether running a job twice does harm.
    #[serde(default)]
    effects: EffectsKey,
}

/// What running a job may change.
#[derive(Deserialize, Default, Clone, Copy)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum EffectsKey {
    /// A run may have side effects, so a synchronous call is recorded before it is dispatched.
    #[default]
    Possible,
    /// Running a job twice, or after its caller has disconnected, does no harm.
    None,
}

/// `timeouts.yaml`: heartbeats, leases, time limits and attempts.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Timeouts {
    /// How often a worker sends a heartbeat.
    #[cfg_attr(feature = "schema", schemars(with = "cortex_config::schema::Duration"))]
    heartbeat: Parsed<humantime::Duration>,
    /// How long a worker may send no heartbeat before its jobs are retried elsewhere. Must be at
    /// least three times `heartbeat`.
    #[cfg_attr(feature = "schema", schemars(with = "cortex_config::schema::Duration"))]
    lease: Parsed<humantime::Duration>,
    /// The values for topics without their own.
    default: TopicDefaults,
    /// Values for single topics. A missing value is taken from `default`.
    #[serde(default)]
    topics: BTreeMap<Parsed<Topic>, TopicOverrides>,
}

/// The values for all topics.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct TopicDefaults {
    /// How long one attempt may run. Time that a job waits does not count.
    #[cfg_attr(feature = "schema", schemars(with = "cortex_config::schema::Duration"))]
    run: Parsed<humantime::Duration>,
    /// Maximum number of attempts of a job.
    attempts: u32,
}

/// The values of one topic.
#[derive(Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct TopicOverrides {
    /// How long one attempt may run.
    #[cfg_attr(feature = "schema", schemars(with = "Option<cortex_config::schema::Duration>"))]
    run: Option<Parsed<humantime::Duration>>,
    /// Maximum number of attempts of a job.
    attempts: Option<u32>,
}

/// What to do if `timeouts.yaml` names a topic that `pools.yaml` does not list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unlisted {
    /// Reject it as a mistake, because the two files belong together.
    Refused,
    /// Ignore it, because the timeouts cover every possible topic.
    PassedOver,
}

/// Returns the JSON schema of `pools.yaml`.
#[cfg(feature = "schema")]
#[must_use]
pub fn pools_schema() -> schemars::Schema {
    schemars::schema_for!(Pools)
}

/// Returns the JSON schema of `timeouts.yaml`.
#[cfg(feature = "schema")]
#[must_use]
pub fn timeouts_schema() -> schemars::Schema {
    schemars::schema_for!(Timeouts)
}

impl Settings {
    /// Parses both files. The paths appear only in errors.
    ///
    /// # Errors
    /// Returns an error if a file is invalid, or if the two contradict each other.
    pub fn parse(
        pools: (&str, &Path),
        timeouts: (&str, &Path),
        unlisted: Unlisted,
    ) -> Result<Self, SettingsError> {
        let (pools_file, timeouts_file) = (pools.1, timeouts.1);
        let pools: Pools = cortex_config::parse(pools.0, pools_file)?;
        let timeouts: Timeouts = cortex_config::parse(timeouts.0, timeouts_file)?;
        let file = timeouts_file.display().to_string();
        if unlisted == Unlisted::Refused
            && let Some(topic) = timeouts.topics.keys().find(|topic| !pools.topics.contains_key(topic))
        {
            let pools = pools_file.display().to_string();
            return Err(SettingsError::UnknownTopic { file, pools, topic: topic.0.clone() });
        }
        let (heartbeat, lease): (Duration, Duration) = (timeouts.heartbeat.0.into(), timeouts.lease.0.into());
        if lease < heartbeat * 3 {
            return Err(SettingsError::LeaseTooShort { file });
        }
        let route = |topic: &Parsed<Topic>, placing: TopicRoute| {
            let own = timeouts.topics.get(topic);
            let run = own.and_then(|own| own.run.as_ref()).unwrap_or(&timeouts.default.run);
            Route {
                pool: placing.pool.0,
                effects: match placing.effects {
                    EffectsKey::Possible => Effects::Possible,
                    EffectsKey::None => Effects::None,
                },
                run: run.0.into(),
                attempts: own.and_then(|own| own.attempts).unwrap_or(timeouts.default.attempts).max(1),
            }
        };
        let catalogue = pools.topics.into_iter().map(|(topic, placing)| {
            let route = route(&topic, placing);
            (topic.0, route)
        });
        Ok(Self { catalogue: catalogue.collect(), heartbeat, lease, sharing: Sharing::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOLS: &str = "topics:\n  job.echo: { pool: echo }\n  job.embed: { pool: embed, effects: none }\n";
    const TIMEOUTS: &str = "heartbeat: 2s\nlease: 10s\ndefault: { run: 5m, attempts: 3 }\n";

    fn parse(pools: &str, timeouts: &str) -> Result<Settings, SettingsError> {
        let (pools, timeouts) = ((pools, Path::new("pools.yaml")), (timeouts, Path::new("timeouts.yaml")));
        Settings::parse(pools, timeouts, Unlisted::Refused)
    }

    #[test]
    fn a_topic_takes_missing_values_from_the_default() {
        let settings = parse(POOLS, &format!("{TIMEOUTS}topics:\n  job.embed: {{ run: 1m }}\n")).unwrap();
        let embed = settings.catalogue.route(&"job.embed".parse().unwrap()).unwrap();
        assert_eq!((embed.run, embed.attempts, embed.effects), (Duration::from_secs(60), 3, Effects::None));
        let echo = settings.catalogue.route(&"job.echo".parse().unwrap()).unwrap();
        assert_eq!((echo.run, echo.effects), (Duration::from_secs(300), Effects::Possible));
    }

    #[test]
    fn a_timeout_for_an_unknown_topic_is_refused() {
        let refused = parse(POOLS, &format!("{TIMEOUTS}topics:\n  job.ecko: {{ run: 1m }}\n")).unwrap_err();
        assert!(refused.to_string().contains("job.ecko"), "{refused}");
    }

    #[test]
    fn timeouts_for_every_possible_topic_may_name_unlisted_ones() {
        let timeouts = format!("{TIMEOUTS}topics:\n  job.ecko: {{ run: 1m }}\n");
        let (pools, timeouts) = ((POOLS, Path::new("pools.yaml")), (timeouts.as_str(), Path::new("t")));
        let settings = Settings::parse(pools, timeouts, Unlisted::PassedOver).unwrap();
        assert_eq!(settings.catalogue.topics().count(), 2);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let refused = parse("topics:\n  job.echo: { pool: echo, efects: none }\n", TIMEOUTS).unwrap_err();
        assert!(refused.to_string().starts_with("pools.yaml:2:"), "{refused}");
    }

    #[test]
    fn a_lease_that_one_lost_heartbeat_would_end_is_refused() {
        assert!(parse(POOLS, &TIMEOUTS.replace("10s", "4s")).is_err());
    }
}
