//! What time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cortex_domain::time::{Timestamp, Uptime};

/// Where a process reads both kinds of time. A clone is the same clock.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<ManualClock>),
}

impl Clock {
    /// The machine's own.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock for tests, which moves only when its hands are moved.
    #[must_use]
    pub fn manual(now: Timestamp) -> (Self, Arc<ManualClock>) {
        let hands = Arc::new(ManualClock { now: now.as_millis().into(), uptime: 0.into() });
        (Self(Source::Manual(Arc::clone(&hands))), hands)
    }

    /// The wall clock, which people and other clocks may set.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => wall(),
            Source::Manual(hands) => Timestamp::from_millis(hands.now.load(Ordering::SeqCst)),
        }
    }

    /// Time that never jumps and stands still while the machine sleeps.
    #[must_use]
    pub fn uptime(&self) -> Uptime {
        match &self.0 {
            Source::System => awake(),
            Source::Manual(hands) => Uptime::from_millis(hands.uptime.load(Ordering::SeqCst)),
        }
    }
}

/// Moves a manual clock.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicU64,
    uptime: AtomicU64,
}

impl ManualClock {
    /// Time passes, on both clocks.
    pub fn advance(&self, by: Duration) {
        self.now.fetch_add(millis(by), Ordering::SeqCst);
        self.uptime.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// Somebody sets the wall clock.
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

/// `Instant` on macOS reads a clock that leaves sleep out.
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
