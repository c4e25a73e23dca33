//! The known topics, and the pool that serves each of them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::Pool;
use crate::topic::Topic;

/// Whether a job may have side effects.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Effects {
    /// A job may have side effects. It is recorded before it is dispatched, even for a synchronous
    /// call.
    #[default]
    Possible,
    /// A job has no side effects. It may run twice, or without a caller, without harm.
    None,
}

/// The settings of a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    pub pool: Pool,
    pub effects: Effects,
    /// Maximum running time of one attempt.
    pub run: Duration,
    /// Maximum number of attempts, unless the caller chooses another.
    pub attempts: u32,
}

/// The known topics with their settings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TopicCatalogue(BTreeMap<Topic, Route>);

impl TopicCatalogue {
    #[must_use]
    pub fn route(&self, topic: &Topic) -> Option<&Route> {
        self.0.get(topic)
    }

    /// Returns the topics in alphabetical order.
    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.0.keys()
    }

    pub fn routes(&self) -> impl Iterator<Item = (&Topic, &Route)> {
        self.0.iter()
    }
}

impl FromIterator<(Topic, Route)> for TopicCatalogue {
    fn from_iter<T: IntoIterator<Item = (Topic, Route)>>(routes: T) -> Self {
        Self(routes.into_iter().collect())
    }
}
