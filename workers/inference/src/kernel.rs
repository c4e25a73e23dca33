//! The few loops that a forward pass on the CPU spends its time in.
//!
//! Each is written once over [`simd::Simd`] and compiled for the instruction sets that matter; [`simd::Isa`] picks the
//! best this processor has.

mod attention;
mod gemm;
mod layer_norm;
mod math;
mod simd;

pub(crate) use attention::{Attention, attend};
pub(crate) use gemm::{Panels, multiply};
pub(crate) use layer_norm::add_norm;
pub(crate) use math::gelu;
pub(crate) use simd::Isa;
