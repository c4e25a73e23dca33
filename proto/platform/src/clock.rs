//! The wall clock and the uptime clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cortex_domain::time::{Timestamp, Uptime};

/// The clock of a process, for both kinds of time. Clones share the same clock.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<ManualClock>),
}

impl Clock {
    /// Returns the machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Returns a clock for tests, which moves only through the returned [`ManualClock`].
    #[must_use]
    pub fn manual(now: Timestamp) -> (Self, Arc<ManualClock>) {
        let hands = Arc::new(ManualClock { now: now.as_millis().into(), uptime: 0.into() });
        (Self(Source::Manual(Arc::clone(&hands))), hands)
    }

    /// Returns the time of the wall clock, which users and other clocks may set.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => wall(),
            Source::Manual(hands) => Timestamp::from_millis(hands.now.load(Ordering::SeqCst)),
        }
    }

    /// Returns the time of a clock that never jumps and pauses while the machine sleeps.
    #[must_use]
    pub fn uptime(&self) -> Uptime {
        match &self.0 {
            Source::System => awake(),
            Source::Manual(hands) => Uptime::from_millis(hands.uptime.load(Ordering::SeqCst)),
        }
    }
}

/// Moves a clock in tests.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicU64,
    uptime: AtomicU64,
}

impl ManualClock {
    /// Advances both clocks.
    pub fn advance(&self, by: Duration) {
        self.now.fetch_add(millis(by), Ordering::SeqCst);
        self.uptime.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Sets the wall clock.
    pub fn set(&self, now: Timestamp) {
        self.now.store(now.as_millis(), Ordering::SeqCst);
    }
}

fn wall() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(millis(since_epoch))
}

#[cfg(target_os = "linux")]
fn awake() -> Uptime {
    use rustix::time::{ClockId, clock_gettime};

    let awake = Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default();
    Uptime::from_millis(millis(awake))
}

/// On macOS, `Instant` uses a clock that pauses while the machine sleeps.
#[cfg(not(target_os = "linux"))]
fn awake() -> Uptime {
    use std::sync::LazyLock;
    use std::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Uptime::from_millis(millis(START.elapsed()))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_clock_moves_on() {
        let clock = Clock::system();
        let before = clock.uptime();
        assert!(clock.now() > Timestamp::from_millis(1_700_000_000_000));
        assert!(clock.uptime() >= before);
    }

    #[test]
    fn setting_the_wall_clock_leaves_uptime_alone() {
        let (clock, hands) = Clock::manual(Timestamp::from_millis(5_000));
        hands.advance(Duration::from_secs(2));
        assert_eq!(clock.now(), Timestamp::from_millis(7_000));
        hands.set(Timestamp::from_millis(1));
        assert_eq!((clock.now(), clock.uptime()), (Timestamp::from_millis(1), Uptime::from_millis(2_000)));
    }
}
