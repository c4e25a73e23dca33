//! The gRPC door for callers on this machine: the same checks, jobs and refusals as over HTTP.

mod jobs;
mod serve;
mod status;
mod submit;
mod taken;
mod view;

pub use serve::serve;
