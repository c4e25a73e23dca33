//! Sends heartbeats at a steady interval, and immediately after a change.

use std::sync::Arc;
use std::time::Duration;

use cortex_link::origin::Origin;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::shared::Shared;

/// Used until the origin has set the interval.
pub(crate) const DEFAULT_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);

/// Sends heartbeats until the sender of `pace` is dropped. Every update of the interval, even to
/// the same value, triggers one immediately.
pub(crate) async fn beat(shared: Arc<Shared>, origin: Arc<dyn Origin>, mut pace: watch::Receiver<Duration>) {
    loop {
        let next = Instant::now() + *pace.borrow_and_update();
        tokio::select! {
            changed = pace.changed() => if changed.is_err() {
                return;
            },
            () = shared.changed() => {}
            () = sleep_until(next) => {}
        }
        if origin.heartbeat(shared.heartbeat()).await.is_err() {
            continue;
        }
        let unsent = shared.in_flight().unsent();
        for report in unsent {
            shared.hand_over(origin.as_ref(), report).await;
        }
    }
}
