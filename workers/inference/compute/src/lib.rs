//! The compute loops of a forward pass on the CPU.
//!
//! Each loop is written once over `simd::Simd` and compiled for several instruction sets. [`Isa`]
//! picks the best one of the processor. Only products with quantised weights have a second
//! implementation, for processors with matrix tiles.
//!
//! For language models, [`multiply`] takes weights as a model file stores them ([`Matrix`] in a
//! [`Format`]). [`Pages`] holds keys and values, and [`attend`] reads them. [`rms_norm`], [`rope`]
//! and [`silu_times`] are the other operations. All of these are batch invariant: a row's result is
//! bitwise identical in any batch and on any number of threads.
//!
//! For embeddings, whose weights are packed once, there are [`affine`], [`attend_all`],
//! [`add_norm`] and [`gelu`].

#[cfg(target_endian = "big")]
compile_error!("weights are read in place, and stored little endian");

mod format;
mod gate;
mod layer_norm;
mod layout;
mod lines;
mod math;
mod matrix;
mod multiply;
mod paged;
mod panels;
mod rms_norm;
mod rope;
mod self_attention;
mod simd;
mod threads;

pub use format::Format;
pub use gate::silu_times;
pub use layer_norm::add_norm;
pub use math::gelu;
pub use matrix::{Bytes, Matrix, ShapeError};
pub use multiply::multiply;
pub use paged::{BLOCK, Heads, Pages, PagesError, Span, Store, attend};
pub use panels::{Panels, affine};
pub use rms_norm::rms_norm;
pub use rope::{Pairing, RopeTable, rope};
pub use self_attention::{Attention, attend_all};
pub use simd::Isa;
pub use threads::Threads;
