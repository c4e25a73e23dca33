//! The engine for language models: one thread owns a model, its cache and all that is written with it.
//!
//! [`load`] makes an [`Engine`] of a model's files. [`Engine::submit`] takes a [`Request`] and gives back its [`Event`]s.
//! Requests join and leave between steps; who runs is decided by `cortex_batch`, what is computed by
//! `cortex_transformer` on the CPU and by `cortex_graph` elsewhere, what is chosen by `cortex_sample` under the masks
//! of `cortex_grammar`, which a second thread computes beside the forward pass. A request's text depends on its prompt,
//! its parameters and its seed alone, never on what else is in the batch; on candle's devices as far as their libraries
//! sum in one order.

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
