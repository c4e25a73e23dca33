//! Reads GGUF files without trusting them.
//!
//! A file is a byte slice, usually a memory map. [`Gguf::parse`] copies the metadata and leaves the
//! weights in place, so each tensor is a range of the file. Every length is compared with the
//! remaining bytes before anything is allocated. A file therefore costs at most a few times its own
//! size in memory.

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
