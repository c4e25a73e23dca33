//! Topics: the kinds of work.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::id::ParseError;
use crate::wildcard;

/// A topic, `job.<domain>` or `job.<domain>.<task>...`, which is also a bus subject.
#[derive(Clone)]
pub struct Topic(Text);

#[derive(Clone)]
enum Text {
    Known(&'static str),
    Read(Arc<str>),
}

impl Topic {
    /// The longest topic, in bytes.
    pub const MAX: usize = 128;

    /// Creates a topic of [`crate::topics`].
    pub(crate) const fn known(text: &'static str) -> Self {
        Self(Text::Known(text))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Known(text) => text,
            Text::Read(text) => text,
        }
    }
}

impl PartialEq for Topic {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Topic {}

impl PartialOrd for Topic {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Topic {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Topic {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Topic").field(&self.as_str()).finish()
    }
}

impl FromStr for Topic {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |reason| ParseError { what: "topic", reason };
        if text.len() > Self::MAX {
            return Err(wrong("must have at most 128 characters"));
        }
        let rest = text.strip_prefix("job.").ok_or_else(|| wrong("must start with `job.`"))?;
        let sound = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
        };
        if rest.split('.').all(sound) {
            Ok(Self(Text::Read(text.into())))
        } else {
            Err(wrong("must be lower-case letters, digits, `-` and `_`, joined by single dots"))
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(feature = "schema")]
crate::inline_schema!(Topic, {
    let mut schema = crate::schema::matching(r"^job(\.[a-z0-9_-]+)+$");
    schema.insert("maxLength".to_owned(), Self::MAX.into());
    schema
});

#[cfg(feature = "schema")]
crate::inline_schema!(
    TopicPattern,
    crate::schema::matching(r"^job(\.([a-z0-9_-]+|\*))*(\.([a-z0-9_-]+|\*|>))$")
);

/// A pattern over topics in policies and workers: `job.echo`, `job.repo.*` (one more part) or
/// `job.>` (one or more parts). `*` and `>` mean the same as on the bus.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TopicPattern(Arc<str>);

/// Converts a topic to the pattern that matches only it.
impl From<Topic> for TopicPattern {
    fn from(topic: Topic) -> Self {
        Self(topic.as_str().into())
    }
}

impl TopicPattern {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn matches(&self, topic: &Topic) -> bool {
        wildcard::matches(&self.0, topic.as_str())
    }
}

impl FromStr for TopicPattern {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |reason| ParseError { what: "topic pattern", reason };
        let plain = text.strip_suffix('>').map_or_else(|| text.to_owned(), |head| format!("{head}x"));
        if plain.contains('>') {
            return Err(wrong("`>` must be the last part"));
        }
        let plain: Vec<&str> = plain.split('.').map(|part| if part == "*" { "x" } else { part }).collect();
        plain
            .join(".")
            .parse::<Topic>()
            .map_err(|_| wrong("must be a topic in which parts may be `*` and the last one `>`"))?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(text: &str) -> Topic {
        text.parse().unwrap()
    }

    #[test]
    fn topics_are_subjects_without_wildcards() {
        for good in ["job.echo", "job.workflow.repo.code_review", "job.chat-2.simple"] {
            assert!(good.parse::<Topic>().is_ok(), "{good}");
        }
        for bad in
            ["", "job", "job.", "job..a", "job.*", "job.>", "sys.job.submit", "job.A", "job.a.", "job.a b"]
        {
            assert!(bad.parse::<Topic>().is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_match_as_the_bus_does() {
        let matches =
            |pattern: &str, text: &str| pattern.parse::<TopicPattern>().unwrap().matches(&topic(text));
        assert!(matches("job.echo", "job.echo") && !matches("job.echo", "job.echo.x"));
        assert!(matches("job.*", "job.echo") && !matches("job.*", "job.repo.scan"));
        assert!(matches("job.>", "job.echo") && matches("job.>", "job.repo.scan"));
        assert!(matches("job.*.scan", "job.repo.scan") && !matches("job.repo.>", "job.repo"));
        for bad in ["*", ">", "job.>.x", "job.a*", "sys.>"] {
            assert!(bad.parse::<TopicPattern>().is_err(), "{bad}");
        }
    }
}
