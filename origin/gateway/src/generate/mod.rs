//! Texts from a model, in one piece or as they grow: what the routes for them have in common.

mod ask;
mod generator;

pub(crate) use ask::Way;
pub(crate) use generator::Generator;
