//! The loops of a forward pass on the CPU.
//!
//! Each is written once over `simd::Simd` and compiled for the instruction sets that matter; [`Isa`] picks the best
//! this processor has. Only products with quantised weights have a second form, for processors with matrix tiles.
//!
//! For language models: [`multiply`] takes weights as a model file holds them ([`Matrix`] in a [`Format`]); [`Pages`]
//! holds keys and values and [`attend`] reads them; between them lie [`rms_norm`], [`rope`] and [`silu_times`]. All of
//! these are invariant to the batch: a row's result is the same to the bit alone and in any company, on any number of
//! threads.
//!
//! For embeddings, whose weights are packed once: [`affine`], [`attend_all`], [`add_norm`] and [`gelu`].

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
mod simd;
mod threads;
mod whole;

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
pub use simd::Isa;
pub use threads::Threads;
pub use whole::{Attention, attend_all};
