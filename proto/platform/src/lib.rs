//! What every native process needs from its machine and passes to the rules as arguments: time,
//! random bytes, memory, signals, exit codes, logs, the cryptographic library, and limits of gRPC
//! connections.

pub mod clock;
pub mod credential_file;
pub mod crypto;
pub mod entropy;
pub mod escape;
pub mod exit;
pub mod incoming;
pub mod log_limit;
pub mod memory;
pub mod metrics;
pub mod process;
pub mod signals;
pub mod telemetry;
pub mod write_timeout;
