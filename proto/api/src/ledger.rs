//! `POST /internal/ledger/states`: the origin reports the states of jobs to the edge.

use cortex_domain::id::{JobId, Tenant};
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::body::Checked;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::rfc3339;

const TIME: &str = "a time such as `2026-11-20T23:36:30Z` (RFC 3339)";

/// Maximum number of lines in a report.
pub const MAX_STATES: usize = 256;

/// The state of a job at a version. A version that is older than the known one changes nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StateLine {
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "Tenant"))]
    pub tenant: Tenant,
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "JobId"))]
    pub job: JobId,
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = i64::MAX)))]
    pub version: u64,
    #[serde(with = "crate::text")]
    #[cfg_attr(feature = "schema", schemars(with = "StateName"))]
    pub state: StateName,
    #[serde(with = "crate::rfc3339")]
    #[cfg_attr(feature = "schema", schemars(with = "Timestamp"))]
    pub at: Timestamp,
}

/// The states of jobs at the origin.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StateReport {
    #[cfg_attr(feature = "schema", schemars(length(max = MAX_STATES)))]
    pub states: Vec<StateLine>,
}

impl StateReport {
    /// Parses a body.
    ///
    /// # Errors
    /// Returns an error if the body is not a report or has more than [`MAX_STATES`] lines.
    pub fn parse(body: Checked<'_>) -> Result<Self, Problem> {
        let mut given = Parameters::body(body)?;
        let what = format!("a list of at most {MAX_STATES} states");
        let lines = given.list("states", MAX_STATES, &what)?;
        let lines = lines.ok_or_else(|| given.missing("states", &what))?;
        given.none_left(|_| None)?;
        let mut states = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            states.push(StateLine::take(Parameters::of(format!("states[{index}]"), line)?)?);
        }
        Ok(Self { states })
    }
}

impl StateLine {
    fn take(mut given: Parameters) -> Result<Self, Problem> {
        let version = given.whole("version", 0, i64::MAX)?;
        let version = version.and_then(|version| u64::try_from(version).ok());
        let line = Self {
            tenant: given.parsed("tenant")?,
            job: given.parsed("job")?,
            version: version.ok_or_else(|| given.missing("version", "a whole number"))?,
            state: given.parsed("state")?,
            at: {
                let at: String = given.required("at", TIME)?;
                rfc3339::parse(&at).ok_or_else(|| given.must_be("at", TIME))?
            },
        };
        given.none_left(|_| None)?;
        Ok(line)
    }
}

/// The changes that a report caused.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Applied {
    /// The number of states that were newer than the known ones.
    pub applied: usize,
    /// Jobs that continue at the origin although their callers cancelled them at the edge. The
    /// ledger did not know yet that the origin had accepted them.
    #[serde(default, with = "crate::text::list", skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<JobId>"))]
    pub cancelled: Vec<JobId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_back_and_is_limited() {
        let line = StateLine {
            tenant: "acme".parse().unwrap(),
            job: JobId::mint(Timestamp::from_millis(5), [7; 10]),
            version: 3,
            state: StateName::Running,
            at: Timestamp::from_millis(1_795_217_790_000),
        };
        let report = |count| StateReport { states: vec![line.clone(); count] };
        let bytes = |count| serde_json::to_vec(&report(count)).unwrap();
        assert_eq!(StateReport::parse(Checked::trust(&bytes(MAX_STATES))), Ok(report(MAX_STATES)));
        assert!(StateReport::parse(Checked::trust(&bytes(MAX_STATES + 1))).is_err());
        let lists =
            br#"[[["acme","01a1fb51-9430-7707-8707-070707070707",1,"RUNNING","2026-11-20T23:36:30Z"]]]"#;
        assert!(StateReport::parse(Checked::trust(lists)).is_err(), "members have names");
    }
}
