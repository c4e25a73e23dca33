//! `/api/v1/jobs`: a file per verb, and what the gRPC door shares with them.

mod cancel;
mod create;
mod events;
mod find;
mod get;
mod list;
mod log;
mod progress;
mod recent;
mod submit;
mod view;

pub(crate) use cancel::{cancel, end};
pub(crate) use create::create;
pub(crate) use events::events;
pub(crate) use find::own;
pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use log::{Cut, Log};
pub(crate) use submit::{accept, read};
pub(crate) use view::{view, whole};
