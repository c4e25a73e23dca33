//! The gate of a SwiGLU layer.

/// `gate = silu(gate) * up`, where `silu(x)` is `x / (1 + e⁻ˣ)`.
///
/// # Panics
/// If the lengths differ.
pub fn silu_times(isa: crate::Isa, gate: &mut [f32], up: &[f32]) {
    let _ = isa;
    assert_eq!(gate.len(), up.len());
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate = *gate / (1.0 + (-*gate).exp()) * up;
    }
}
