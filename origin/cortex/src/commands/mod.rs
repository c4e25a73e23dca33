//! The commands: a file or folder for each noun, with its arguments and what it runs.

pub(crate) mod bench;
pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod man;
pub(crate) mod models;
pub(crate) mod safety;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod submit;
pub(crate) mod up;
pub(crate) mod welcome;
pub(crate) mod workers;
