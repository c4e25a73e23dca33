//! The engine for language models. One thread owns a model, its cache and everything that is
//! generated with it.
//!
//! [`load`] makes an [`Engine`] from a model's files. [`Engine::submit`] takes a [`Request`] and
//! returns its [`Event`]s. Requests join and leave between steps. `cortex_batch` decides who runs.
//! `cortex_transformer` computes the step on the CPU, and `cortex_graph` on other devices.
//! `cortex_sample` chooses the tokens under the masks of `cortex_grammar`, which a second thread
//! computes during the forward pass.
//!
//! The text of an answer depends only on its prompt, parameters and seed, never on the rest of the
//! batch. On candle's devices this holds as far as their libraries sum in a fixed order.

mod answer;
pub mod bench;
mod budget;
mod compute_device;
mod engine;
mod engine_loop;
mod event;
mod grammars;
mod load;
mod masks;
mod metrics;
mod network;
mod placed_model;
mod receipt;
mod request;
mod settings;
mod writer;

pub use compute_device::ComputeDevice;
pub use engine::{Engine, StartError};
pub use event::{Alternative, AnswerEnd, AnswerError, Event, StopReason, Token};
pub use load::{LoadError, LoadOptions, load};
pub use metrics::{Metrics, names, render};
pub use placed_model::{PlacedModel, PlacementError};
pub use receipt::{Identity, Receipt, Times, Usage};
pub use request::{Grammar, Request, SubmitError};
pub use settings::Settings;

#[cfg(test)]
pub(crate) mod tests;
