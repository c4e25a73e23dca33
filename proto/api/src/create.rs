//! `POST /api/v1/jobs`.

use std::collections::BTreeMap;

use cortex_domain::job::Priority;
use cortex_domain::time::Timestamp;
use cortex_domain::topic::Topic;
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use serde_json::Value;
use serde_json::value::RawValue;

use super::parameters::{Parameters, wrong};
use crate::body::Checked;
use crate::problem::Problem;
use crate::rfc3339;
use crate::topics::KnownTopics;

/// Maximum number of attempts that a caller may set.
pub const MAX_ATTEMPTS: u32 = 10;
/// Maximum number of labels of a job.
pub const MAX_LABELS: usize = 16;

pub(crate) const MAX_LABEL_NAME: usize = 63;
pub(crate) const MAX_LABEL_VALUE: usize = 255;
pub(crate) const RESERVED: &str = "cortex/";

/// The JSON form of the body, which clients write.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateJobBody {
    pub topic: String,
    pub input: Box<RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// A request to create a job.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub struct CreateJob {
    /// The kind of work.
    pub topic: Topic,
    /// The input for the worker. Any JSON value, including null.
    #[cfg_attr(feature = "schema", schemars(with = "Value"))]
    pub input: Box<RawValue>,
    #[cfg_attr(feature = "schema", schemars(with = "Option<Priority>"))]
    pub priority: Priority,
    /// The time at which the job expires if it has not ended.
    pub deadline: Option<Timestamp>,
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = MAX_ATTEMPTS)))]
    pub max_attempts: Option<u32>,
    #[cfg_attr(feature = "schema", schemars(with = "Option<schema::Labels>"))]
    pub labels: BTreeMap<String, String>,
}

impl CreateJob {
    /// Parses and validates a body: size, content type, depth, syntax, secrets, then every field.
    ///
    /// # Errors
    /// Returns a problem that names the invalid field.
    pub fn parse(body: Checked<'_>, topics: &KnownTopics) -> Result<Self, Problem> {
        let mut given = Parameters::body(body)?;
        let topic: String = given.required("topic", "a string")?;
        let job = Self {
            topic: topics.check(&topic)?,
            priority: priority(given.optional::<String>("priority", PRIORITIES)?.as_deref())?,
            deadline: given.optional::<String>("deadline", TIME)?.as_deref().map(deadline).transpose()?,
            max_attempts: attempts(&mut given)?,
            labels: labels(given.optional("labels", "an object of strings")?.unwrap_or_default())?,
            input: given.raw_or_null("input").ok_or_else(|| given.missing("input", "any JSON value"))?,
        };
        given.none_left(|_| None)?;
        Ok(job)
    }
}

const PRIORITIES: &str = "`low`, `normal` or `high`";
const TIME: &str = "a time such as `2026-11-20T23:36:30Z` (RFC 3339)";

fn priority(text: Option<&str>) -> Result<Priority, Problem> {
    match text {
        None | Some("normal") => Ok(Priority::Normal),
        Some("low") => Ok(Priority::Low),
        Some("high") => Ok(Priority::High),
        Some(_) => Err(wrong("priority", format!("invalid `priority`: must be {PRIORITIES}"))),
    }
}

fn deadline(text: &str) -> Result<Timestamp, Problem> {
    rfc3339::parse(text).ok_or_else(|| wrong("deadline", format!("invalid `deadline`: must be {TIME}")))
}

fn attempts(given: &mut Parameters) -> Result<Option<u32>, Problem> {
    let attempts = given.whole("max_attempts", 1, i64::from(MAX_ATTEMPTS))?;
    Ok(attempts.and_then(|attempts| u32::try_from(attempts).ok()))
}

pub(super) fn labels(labels: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Problem> {
    if labels.len() > MAX_LABELS {
        return Err(wrong("labels", format!("too many `labels`: must be at most {MAX_LABELS}")));
    }
    for (name, value) in &labels {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
        if name.is_empty() || name.len() > MAX_LABEL_NAME || !name.bytes().all(plain) {
            let detail = "invalid name of a label: must have 1 to 63 letters, digits, `-`, `_`, `.` \
                and `/`";
            return Err(wrong("labels", detail));
        }
        if name.starts_with(RESERVED) {
            return Err(wrong(
                "labels",
                format!("labels under `{RESERVED}` are reserved: choose another name"),
            ));
        }
        if value.len() > MAX_LABEL_VALUE || value.chars().any(char::is_control) {
            let detail = format!(
                "invalid label `{name}`: must have at most {MAX_LABEL_VALUE} bytes and no control \
                    characters"
            );
            return Err(wrong("labels", detail));
        }
    }
    Ok(labels)
}

/// The schema of labels, and of a label's value.
#[cfg(feature = "schema")]
pub(super) mod schema {
    use cortex_domain::inline_schema;
    use schemars::json_schema;

    use super::{MAX_LABEL_NAME, MAX_LABEL_VALUE, MAX_LABELS, RESERVED};

    pub(in super::super) struct Labels;
    pub(in super::super) struct LabelValue;

    inline_schema!(
        Labels,
        json_schema!({
            "type": "object",
            "additionalProperties": value(),
            "propertyNames": {
                "type": "string",
                "pattern": format!("^[-_./A-Za-z0-9]{{1,{MAX_LABEL_NAME}}}$"),
                // These labels are reserved for the edge and the gateway.
                "not": {"pattern": format!("^{RESERVED}")},
            },
            "maxProperties": MAX_LABELS,
        })
    );
    inline_schema!(LabelValue, value());

    /// Returns the schema of texts without control characters.
    fn value() -> schemars::Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
            "maxLength": MAX_LABEL_VALUE,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use cortex_domain::ErrorCode;

    fn parse(body: &str) -> Result<CreateJob, Problem> {
        CreateJob::parse(Checked::trust(body.as_bytes()), &"job.echo".parse().unwrap())
    }

    #[test]
    fn every_field_is_read() {
        let job = parse(
            r#"{"topic":"job.echo","input":{ "a" : 1.50 },"priority":"high","deadline":"2026-11-20T23:36:30Z",
                "max_attempts":3.0,"labels":{"team/a":"ü"}}"#,
        )
        .unwrap();
        assert_eq!(job.input.get(), r#"{ "a" : 1.50 }"#, "the input keeps its bytes");
        assert_eq!((job.priority, job.max_attempts), (Priority::High, Some(3)));
        assert_eq!(job.deadline, Some(Timestamp::from_millis(1_795_217_790_000)));
        assert_eq!(job.labels["team/a"], "ü");
    }

    #[test]
    fn an_input_may_be_any_json_but_must_be_there() {
        for input in ["null", "[]", "\"x\"", "1e3"] {
            let job = parse(&format!(r#"{{"topic":"job.echo","input":{input}}}"#)).unwrap();
            assert_eq!((job.input.get(), job.priority), (input, Priority::Normal));
        }
        let missing = parse(r#"{"topic":"job.echo"}"#).unwrap_err();
        assert_eq!(missing.detail, "missing required field `input` (expected any JSON value)");
    }

    #[test]
    fn each_wrong_field_is_named() {
        let many: Vec<_> = (0..17).map(|n| format!("\"l{n}\":\"\"")).collect();
        let many = format!("\"labels\":{{{}}}", many.join(","));
        for (field, param) in [
            ("\"priority\":\"urgent\"", "priority"),
            ("\"deadline\":\"soon\"", "deadline"),
            ("\"max_attempts\":0", "max_attempts"),
            ("\"max_attempts\":11", "max_attempts"),
            ("\"max_attempts\":2.5", "max_attempts"),
            ("\"deadline\":1795217790", "deadline"),
            ("\"labels\":{\"a\":1}", "labels"),
            ("\"labels\":[]", "labels"),
            ("\"labels\":{\"\":\"\"}", "labels"),
            ("\"labels\":{\"a b\":\"\"}", "labels"),
            ("\"labels\":{\"cortex/personal-data\":\"none\"}", "labels"),
            (&many, "labels"),
        ] {
            let problem = parse(&format!(r#"{{"topic":"job.echo","input":1,{field}}}"#)).unwrap_err();
            assert_eq!(
                (problem.kind, &problem.extensions["param"]),
                (ErrorCode::InvalidRequest, &param.into()),
                "{field}"
            );
        }
        let unknown = parse(r#"{"topic":"job.echo","input":1,"prio":1}"#).unwrap_err();
        assert_eq!(unknown.detail, "unsupported field `prio`");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = CreateJob::parse(Checked::trust(&bytes), &KnownTopics::default());
        }

        #[test]
        fn no_mutation_of_a_good_body_makes_it_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let good = br#"{"topic":"job.echo","input":[1,"a"],"labels":{"a":"b"},"deadline":"2026-11-20T23:36:30Z"}"#;
            let mut bytes = good.to_vec();
            bytes[at.index(good.len())] = byte;
            let _ = CreateJob::parse(Checked::trust(&bytes), &KnownTopics::default());
        }
    }
}
