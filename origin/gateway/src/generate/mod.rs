//! Texts from a model, in one piece or as they grow: what the routes for them have in common.

mod generator;
mod request;

pub(crate) use generator::Generator;
pub(crate) use request::TextKind;
