//! The gate of a SwiGLU layer (Shazeer, 2020).

use crate::math::exp;
use crate::simd::{Isa, Simd, Unpack, dispatch};

/// Computes `gate = silu(gate) * up`, where `silu(x)` is `x / (1 + e⁻ˣ)`.
///
/// # Panics
///
/// Panics if the lengths differ.
pub fn silu_times(isa: Isa, gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len(), "the lengths of gate and up");
    dispatch!(isa, all(gate: &mut [f32], up: &[f32]));
}

#[inline(always)]
unsafe fn all<S: Unpack>(gate: &mut [f32], up: &[f32]) {
    let (gates, gate_rest) = gate.as_chunks_mut::<16>();
    let (ups, up_rest) = up.as_chunks::<16>();
    for (gate, up) in gates.iter_mut().zip(ups) {
        // SAFETY: both have sixteen floats.
        unsafe { sixteen::<S::Wide>(gate, up) }
    }
    // The remainder runs through the same instructions, so an element's place in the row doesn't
    // change its result.
    let (mut gate, mut up) = ([0.0; 16], [0.0; 16]);
    gate[..gate_rest.len()].copy_from_slice(gate_rest);
    up[..up_rest.len()].copy_from_slice(up_rest);
    // SAFETY: as above.
    unsafe { sixteen::<S::Wide>(&mut gate, &up) }
    gate_rest.copy_from_slice(&gate[..gate_rest.len()]);
}

#[inline(always)]
unsafe fn sixteen<S: Simd>(gate: &mut [f32; 16], up: &[f32; 16]) {
    // SAFETY: the vectors have sixteen lanes.
    unsafe {
        let x = S::load(gate.as_ptr());
        let below = S::splat(1.0).add(exp(S::splat(0.0).sub(x)));
        x.div(below).mul(S::load(up.as_ptr())).store(gate.as_mut_ptr());
    }
}
