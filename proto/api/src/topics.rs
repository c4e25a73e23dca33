//! The topics that have workers, so that a job without a worker is rejected at once.

use std::collections::BTreeSet;
use std::str::FromStr;

use cortex_domain::id::ParseError;
use cortex_domain::topic::Topic;

use crate::problem::Problem;
use cortex_domain::ErrorCode;

/// The known topics. An empty set checks the syntax only.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KnownTopics(BTreeSet<Topic>);

impl KnownTopics {
    /// Parses a topic and checks that it is known.
    ///
    /// # Errors
    /// Returns a problem that lists the known topics.
    pub fn check(&self, text: &str) -> Result<Topic, Problem> {
        let topic = text.parse::<Topic>().map_err(|error| self.unknown(error.to_string()))?;
        if self.0.is_empty() || self.0.contains(&topic) {
            Ok(topic)
        } else {
            Err(self.unknown(format!("unknown topic `{topic}`")))
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Topic> {
        self.0.iter()
    }

    fn unknown(&self, detail: String) -> Problem {
        let known: Vec<_> = self.0.iter().map(Topic::as_str).collect();
        Problem::new(ErrorCode::UnknownTopic, detail).at("topic").with("known_topics", known)
    }
}

impl FromIterator<Topic> for KnownTopics {
    fn from_iter<I: IntoIterator<Item = Topic>>(topics: I) -> Self {
        Self(topics.into_iter().collect())
    }
}

/// Parses a list that is separated by commas.
impl FromStr for KnownTopics {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_topic_is_answered_with_the_known_ones() {
        let catalogue: KnownTopics = "job.embed, job.echo,".parse().unwrap();
        assert!(catalogue.check("job.echo").is_ok());
        for unknown in ["job.nope", "job.>", "", "job.Echo"] {
            let problem = catalogue.check(unknown).unwrap_err();
            assert_eq!(problem.kind, ErrorCode::UnknownTopic, "{unknown}");
            assert_eq!(problem.extensions["known_topics"], json!(["job.echo", "job.embed"]));
        }
        assert!("job.echo,JOB".parse::<KnownTopics>().is_err());
    }

    #[test]
    fn an_empty_catalogue_checks_the_syntax() {
        assert!(KnownTopics::default().check("job.any").is_ok());
        assert!(KnownTopics::default().check("any").is_err());
    }
}
