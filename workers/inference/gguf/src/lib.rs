//! Reads GGUF files, and believes nothing they say before it is checked.
//!
//! A file is read as a byte slice, usually a memory map: [`Gguf::parse`] copies the metadata and leaves the weights
//! where they are; each tensor is a range of the file. Every length is held against the bytes that are left before
//! anything is allocated, so that a file costs no more memory than a few times its own size.

mod cursor;
mod error;
mod file;
mod layout;
mod tensor;
mod value;

pub use error::GgufError;
pub use file::Gguf;
pub use layout::Layout;
pub use tensor::TensorInfo;
pub use value::{Array, Value};
