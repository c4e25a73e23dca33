//! What every native process takes from the machine it runs on, and hands to the rules as arguments where they need it: time,
//! random bytes, memory, signals, exit codes, logs, the cryptographic library, and bounds of gRPC connections.

pub mod clock;
pub mod crypto;
pub mod entropy;
pub mod exit;
pub mod incoming;
pub mod memory;
pub mod metrics;
pub mod signals;
pub mod telemetry;
pub mod write_timeout;
