//! Text generation, whole or streamed: the common part of its routes.

mod generator;
mod request;

pub(crate) use generator::Generator;
pub(crate) use request::TextKind;
