//! Text to tokens and back, as the models were trained with.
//!
//! A [`Tokenizer`] is read from Hugging Face's `tokenizer.json` or from a GGUF file's own vocabulary. Text that comes
//! from users is encoded as [`Specials::Plain`]: whatever it says, no control token comes of it. On the way back,
//! [`Detokenizer`] holds bytes until they are whole characters and [`Stops`] holds text that may be the beginning of
//! a stop string.

mod added;
mod allowance;
mod bpe;
mod byte_alphabet;
mod detokenizer;
mod error;
mod gguf;
mod hugging_face;
mod merge;
mod pre_tokenizer;
mod spm;
mod stops;
mod tokenizer;
mod vocabulary;

pub use detokenizer::Detokenizer;
pub use error::{EncodeError, LoadError};
pub use stops::{Passed, Stops};
pub use tokenizer::{Specials, Tokenizer};
