//! The gRPC door for callers on this machine: the same checks, jobs and refusals as over HTTP.

mod jobs;
mod serve;
mod stall_timeout;
mod status;
mod submit;
mod view;

pub use serve::serve;
