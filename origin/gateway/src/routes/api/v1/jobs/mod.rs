//! `/api/v1/jobs`.

mod cancel;
mod create;
mod events;
mod get;
mod list;

pub(crate) use cancel::cancel;
pub(crate) use create::create;
pub(crate) use events::events;
pub(crate) use get::get;
pub(crate) use list::list;
