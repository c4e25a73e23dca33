//! `POST /internal/ledger/states`: the origin tells the edge where jobs stand.

use cortex_domain::id::{JobId, Tenant};
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::body::{Checked, parse};
use crate::problem::Problem;
use cortex_domain::ErrorCode;

/// The most lines in a report.
pub const MAX_STATES: usize = 256;

/// Where a job stood at a version. An older version than the one known changes nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateLine {
    #[serde(with = "crate::text")]
    pub tenant: Tenant,
    #[serde(with = "crate::text")]
    pub job: JobId,
    pub version: u64,
    #[serde(with = "crate::text")]
    pub state: StateName,
    #[serde(with = "crate::rfc3339")]
    pub at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateReport {
    pub states: Vec<StateLine>,
}

impl StateReport {
    /// # Errors
    /// If it is not a report, or has more than [`MAX_STATES`] lines.
    pub fn parse(body: Checked<'_>) -> Result<Self, Problem> {
        let report: Self = parse(body.bytes())?;
        if report.states.len() > MAX_STATES {
            return Err(Problem::new(
                ErrorCode::InvalidRequest,
                format!("a report has at most {MAX_STATES} states"),
            ));
        }
        Ok(report)
    }
}

/// The answer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Applied {
    /// How many lines were news.
    pub applied: usize,
    /// Jobs that go on at the origin though their callers cancelled them while the ledger held them: it could not know
    /// that the origin had taken them already.
    #[serde(default, with = "crate::text::list", skip_serializing_if = "Vec::is_empty")]
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
    }
}
