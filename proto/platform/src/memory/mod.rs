//! The resident memory of this process, and the available memory.

#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub use linux::{free, resident};
#[cfg(not(target_os = "linux"))]
pub use other::{free, resident};
