//! `POST /v1/chat/completions` and `POST /v1/completions`: a text from a model, in one piece or as it grows.

mod answer;
mod ask;

pub(crate) use answer::{chat, complete};
