//! Converts text to tokens and back, exactly as the models were trained.
//!
//! A [`Tokenizer`] is loaded from Hugging Face's `tokenizer.json` or from the vocabulary in a GGUF
//! file. Text from users is encoded as [`Specials::Plain`], which never produces a control token.
//! In the other direction, [`Detokenizer`] holds back bytes until they form complete characters,
//! and [`Stops`] holds back text that may be the beginning of a stop string.

mod added;
mod bpe;
mod budget;
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
pub use stops::{StopOutput, Stops};
pub use tokenizer::{Specials, Tokenizer};
