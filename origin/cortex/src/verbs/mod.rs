//! The verbs, a file or folder each. `up` and `demo` have modules of their own.

mod bench;
mod chat;
mod doctor;
mod health;
mod input;
mod jobs;
mod keys;
mod labels;
mod models;
mod place;
mod planned;
mod status;
mod submit;
mod view;

pub(crate) use bench::bench;
pub(crate) use chat::chat;
pub(crate) use doctor::doctor;
pub(crate) use health::health;
pub(crate) use jobs::jobs;
pub(crate) use keys::keys;
pub(crate) use models::{models, pull_if_missing};
pub(crate) use status::status;
pub(crate) use submit::submit;
