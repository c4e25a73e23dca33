//! The time, from the runtime.

use cortex_domain::time::Timestamp;

/// Returns the current time.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(worker::Date::now().as_millis())
}
