//! The gRPC API for callers on this machine, with the same checks, jobs and errors as the HTTP API.

mod jobs;
mod observe;
mod serve;
mod stall_timeout;
mod status;
mod submit;
mod view;

pub use serve::serve;
