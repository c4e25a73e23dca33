//! Received messages that can't be used. Another program may send them without end, so that each
//! kind is logged rarely.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cortex_domain::ports::Rejection;
use cortex_platform::log_limit::LogLimit;
use cortex_platform::metrics::{self, IntCounterVec, Registry};
use tokio::time::Instant;

/// How long further messages of a kind are only counted after one was logged.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Counts messages that can't be used. Clones share the counts.
#[derive(Clone, Debug)]
pub(crate) struct Rejections {
    counts: IntCounterVec,
    logged: Arc<Mutex<HashMap<(&'static str, Rejection), LogLimit>>>,
}

impl Default for Rejections {
    fn default() -> Self {
        let counts = metrics::counters(
            "cortex_bus_messages_rejected_total",
            "Received messages that could not be used, by subject and reason.",
            &["subject", "reason"],
        );
        Self { counts, logged: Arc::default() }
    }
}

impl Rejections {
    pub(crate) fn register(&self, registry: &Registry) {
        registry.add(self.counts.clone());
    }

    pub(crate) fn count(&self, family: &'static str, rejection: Rejection, cause: &dyn Display) {
        let reason = rejection.as_str();
        self.counts.with_label_values(&[family, reason]).inc();
        if let Some(left_out) = self.left_out(family, rejection, Instant::now()) {
            tracing::warn!(subject = family, reason, %cause, left_out, "a message on the bus can't be used");
        }
    }

    /// Returns the number of messages of this kind that were not logged since the last one, if this
    /// one may be logged.
    fn left_out(&self, family: &'static str, rejection: Rejection, now: Instant) -> Option<u64> {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.entry((family, rejection)).or_insert_with(|| LogLimit::new(LOG_INTERVAL)).pass(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_logged_once_and_counted_always() {
        let (rejections, now) = (Rejections::default(), Instant::now());
        let left_out = |family, rejection, after: u64| {
            rejections.left_out(family, rejection, now + Duration::from_secs(after))
        };
        assert_eq!(left_out("a", Rejection::Malformed, 0), Some(0));
        assert_eq!(left_out("a", Rejection::Malformed, 1), None);
        assert_eq!(left_out("a", Rejection::Invalid, 1), Some(0), "another reason");
        assert_eq!(left_out("b", Rejection::Malformed, 1), Some(0), "another subject");
        assert_eq!(left_out("a", Rejection::Malformed, 60), Some(1));
        for _ in 0..3 {
            rejections.count("a", Rejection::Malformed, &"cause");
        }
        assert_eq!(rejections.counts.with_label_values(&["a", "malformed"]).get(), 3);
    }
}
