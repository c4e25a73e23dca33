//! Operations on jobs, for the HTTP routes and the gRPC API.

mod cancel;
mod job_log;
mod line_buffer;
mod progress;
mod store;
mod submit;
mod view;
mod wait;

pub(crate) use cancel::cancel;
pub(crate) use job_log::{JobLog, LogInterrupted};
pub(crate) use progress::Progress;
pub(crate) use store::{Jobs, Parts};
pub(crate) use view::view;
