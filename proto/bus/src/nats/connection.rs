//! The connection: how it is made again, and what its loss means for those who wait.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Event;
use async_nats::client::Client;
use cortex_domain::ports::BusError;
use cortex_platform::entropy;
use cortex_platform::metrics::IntCounter;
use tokio::sync::watch;

use super::error::NatsError;
use super::options::NatsOptions;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// Maximum number of messages that wait for one subscriber.
const MAX_WAITING: usize = 1024;
const FIRST_RECONNECT_DELAY: Duration = Duration::from_millis(50);
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// The state of the connection. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    state: Arc<watch::Sender<State>>,
    dropped: IntCounter,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct State {
    connected: bool,
    /// How often the connection was lost.
    losses: u64,
    closed: bool,
}

impl Connection {
    /// `dropped` counts the messages that a slow subscriber missed.
    pub(super) fn new(dropped: IntCounter) -> Self {
        let state = State { connected: true, losses: 0, closed: false };
        Self { state: Arc::new(watch::Sender::new(state)), dropped }
    }

    /// Connects. From then on a lost connection is made again, until the bus is closed.
    pub(super) async fn open(&self, options: &NatsOptions) -> Result<Client, NatsError> {
        let watched = self.clone();
        // Drawn once, so that processes that lose the server together don't return together.
        let [share] = entropy::random::<1>();
        let connect = options
            .connect_options()?
            .name("cortex")
            .connection_timeout(CONNECT_TIMEOUT)
            .ping_interval(PING_INTERVAL)
            .subscription_capacity(MAX_WAITING)
            .reconnect_delay_callback(move |attempt| reconnect_delay(attempt, share))
            .event_callback(move |event| {
                watched.observe(&event);
                std::future::ready(())
            });
        let connected = connect.connect(options.address()).await;
        connected.map_err(|error| NatsError::of_connection(options.server(), &error))
    }

    fn observe(&self, event: &Event) {
        match event {
            Event::Connected => {
                tracing::info!("connected to NATS");
                self.state.send_modify(|state| state.connected = true);
            }
            Event::Disconnected => {
                if !self.state.borrow().closed {
                    tracing::warn!("the connection to NATS is lost; it is made again");
                }
                self.state.send_modify(|state| {
                    state.connected = false;
                    state.losses += 1;
                });
            }
            Event::SlowConsumer(_) => self.dropped.inc(),
            Event::ServerError(error) => tracing::warn!(%error, "NATS reports an error"),
            Event::ClientError(error) => tracing::debug!(%error, "the NATS client reports an error"),
            Event::LameDuckMode | Event::Draining | Event::Closed => {}
        }
    }

    /// Returns an error if the bus is closed or the connection is down.
    pub(super) fn check(&self) -> Result<(), BusError> {
        match *self.state.borrow() {
            State { closed: true, .. } => Err(BusError::Closed),
            State { connected: false, .. } => Err(lost_error()),
            State { .. } => Ok(()),
        }
    }

    /// Checks the connection, and returns a future that ends with an error when it is lost. The
    /// reply to what was sent before then does not arrive anymore.
    pub(super) fn lost(&self) -> Result<impl Future<Output = BusError> + Send + use<>, BusError> {
        self.check()?;
        let mut state = self.state.subscribe();
        let losses = state.borrow_and_update().losses;
        Ok(async move {
            match state.wait_for(|state| state.losses > losses || state.closed).await {
                Ok(state) if !state.closed => lost_error(),
                Ok(_) | Err(_) => BusError::Closed,
            }
        })
    }

    pub(super) fn close(&self) {
        self.state.send_modify(|state| state.closed = true);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.borrow().closed
    }

    /// Waits for `next`, or until the bus is closed.
    pub(super) async fn until_closed<T>(&self, next: impl Future<Output = T>) -> Option<T> {
        let mut state = self.state.subscribe();
        tokio::select! {
            next = next => Some(next),
            _ = state.wait_for(|state| state.closed) => None,
        }
    }
}

fn lost_error() -> BusError {
    BusError::Broken("the connection to NATS is lost".into())
}

/// Returns a delay that doubles with each attempt, less up to half of it by `share` of 256.
fn reconnect_delay(attempt: usize, share: u8) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1).min(10)).unwrap_or(10);
    let delay = FIRST_RECONNECT_DELAY.saturating_mul(1 << doublings).min(MAX_RECONNECT_DELAY);
    delay / 2 + (delay / 512) * u32::from(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_their_limit_and_differ_between_processes() {
        assert_eq!(reconnect_delay(1, 0), FIRST_RECONNECT_DELAY / 2);
        assert!(reconnect_delay(1, 255) < FIRST_RECONNECT_DELAY);
        assert_eq!(reconnect_delay(1000, 0), MAX_RECONNECT_DELAY / 2);
        assert!(reconnect_delay(1000, 255) > MAX_RECONNECT_DELAY.mul_f64(0.9));
        assert!(reconnect_delay(3, 7) > reconnect_delay(2, 7));
    }
}
