//! How many messages the queues have, and how long the oldest has waited.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Stream;
use cortex_domain::subject::{Queued, Subject};
use cortex_platform::metrics::{self, IntGaugeVec, Registry};
use futures::TryStreamExt as _;
use tokio::time::Instant;

use super::queue::{STREAM, subjects};
use crate::metrics::depth_gauge;

const MEASURE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a measurement is used again.
const MEASURE_INTERVAL: Duration = Duration::from_secs(1);

/// The gauges of the queues. All processes measure the same queues.
#[derive(Debug)]
pub(super) struct Depths {
    depth: IntGaugeVec,
    age: IntGaugeVec,
    measured: Mutex<Option<Instant>>,
}

impl Default for Depths {
    fn default() -> Self {
        let age = metrics::gauges(
            "cortex_bus_queue_oldest_age_seconds",
            "How long the oldest message of a queue has waited for an acknowledgement.",
            &["queue"],
        );
        Self { depth: depth_gauge(), age, measured: Mutex::new(None) }
    }
}

impl Depths {
    pub(super) fn register(&self, registry: &Registry) {
        registry.add(self.depth.clone());
        registry.add(self.age.clone());
    }

    /// Asks the server, at most once in an interval: one request for the depths, and one for each
    /// queue that is not empty. If it does not answer, the gauges have no value.
    pub(super) async fn measure(&self, jetstream: &Context) {
        if !self.is_due(Instant::now()) {
            return;
        }
        let measured = tokio::time::timeout(MEASURE_TIMEOUT, measure(jetstream)).await;
        self.depth.reset();
        self.age.reset();
        for (queue, (depth, age)) in measured.ok().flatten().unwrap_or_default() {
            let queue = [queue];
            self.depth.with_label_values(&queue).set(i64::try_from(depth).unwrap_or(i64::MAX));
            self.age.with_label_values(&queue).set(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let due = measured.is_none_or(|last| now.saturating_duration_since(last) >= MEASURE_INTERVAL);
        if due {
            *measured = Some(now);
        }
        due
    }
}

/// Returns the depth of each family of queues, and the age of its oldest message.
async fn measure(jetstream: &Context) -> Option<BTreeMap<&'static str, (usize, Duration)>> {
    let stream = jetstream.get_stream_no_info(STREAM).await.ok()?;
    let depths: HashMap<String, usize> =
        stream.info_with_subjects(">").await.ok()?.try_collect().await.ok()?;
    let mut measured = BTreeMap::<_, (usize, Duration)>::new();
    for subject in subjects() {
        let depth = depths.get(subject.as_str()).copied().unwrap_or(0);
        let age = if depth == 0 { Duration::ZERO } else { age(&stream, &subject).await };
        let of_family = measured.entry(subject.family()).or_default();
        *of_family = (of_family.0 + depth, of_family.1.max(age));
    }
    Some(measured)
}

/// Returns the age of the oldest message. It may have been acknowledged meanwhile.
async fn age(stream: &Stream<()>, subject: &Subject<Queued>) -> Duration {
    let Ok(oldest) = stream.get_first_raw_message_by_subject(subject.as_str(), 1).await else {
        return Duration::ZERO;
    };
    let sent = Duration::from_secs(u64::try_from(oldest.time.unix_timestamp()).unwrap_or(0));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // The clock of the server may be ahead.
    now.saturating_sub(sent)
}
