//! Which topics there are, and which pool does each.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::Pool;
use crate::topic::Topic;

/// Whether running a job may change something outside.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Effects {
    /// It may: it is recorded before it is dispatched, even for a synchronous call.
    #[default]
    Possible,
    /// It can't: running it twice, or for nobody, does no harm.
    None,
}

/// What is fixed for a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    pub pool: Pool,
    pub effects: Effects,
    /// Running time of one attempt at most.
    pub run: Duration,
    /// Dispatches at most, unless the caller says otherwise.
    pub attempts: u32,
}

/// The topics that are known.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TopicCatalogue(BTreeMap<Topic, Route>);

impl TopicCatalogue {
    #[must_use]
    pub fn route(&self, topic: &Topic) -> Option<&Route> {
        self.0.get(topic)
    }

    /// In alphabetical order.
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
