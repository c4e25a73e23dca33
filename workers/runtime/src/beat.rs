//! The heartbeat: says at a steady pace, and at once when something changed, that the worker is there.

use std::sync::Arc;
use std::time::Duration;

use cortex_link::origin::Origin;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::shared::Shared;

/// Before the origin has said how often.
pub(crate) const DEFAULT_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);

/// Beats until the other end of `pace` is dropped. Each change of the pace, be it the same again, beats at once.
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
