//! What the routes of jobs and the gRPC door do with jobs.

mod cancel;
mod log;
mod progress;
mod recent;
mod store;
mod submit;
mod view;
mod wait;

pub(crate) use cancel::end;
pub(crate) use log::{Cut, Log};
pub(crate) use progress::Progress;
pub(crate) use store::{Jobs, Parts};
pub(crate) use view::view;
