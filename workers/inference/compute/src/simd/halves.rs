//! The values of all 16-bit floats.

use half::f16;

/// Indexed by the float's bits. Broadcasting a value from this table takes a load. Converting it
/// takes three instructions that compete with those of the products.
pub(crate) static HALVES: [f32; 1 << 16] = {
    let mut table = [0.0; 1 << 16];
    let mut bits = 0;
    while bits < table.len() {
        table[bits] = f16::from_bits(bits as u16).to_f32_const();
        bits += 1;
    }
    table
};
