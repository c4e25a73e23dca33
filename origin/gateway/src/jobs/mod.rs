//! `/api/v1/jobs`: a file per verb.

mod cancel;
mod create;
mod events;
mod find;
mod get;
mod list;
mod view;

pub(crate) use cancel::cancel;
pub(crate) use create::create;
pub(crate) use events::events;
pub(crate) use get::get;
pub(crate) use list::list;
