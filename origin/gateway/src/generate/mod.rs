//! `POST /v1/chat/completions` and `POST /v1/completions`: a text from a model, in one piece or as it grows. `POST /chat`:
//! the same for one message.

mod answer;
mod ask;
mod short;

pub(crate) use answer::{chat, complete};
pub(crate) use short::short;
