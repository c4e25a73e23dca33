//! What each float of 16 bits is.

use half::f16;

/// By its bits. Broadcasting one from here takes a load; converting it takes three of the instructions that the products
/// are short of.
pub(crate) static HALVES: [f32; 1 << 16] = {
    let mut table = [0.0; 1 << 16];
    let mut bits = 0;
    while bits < table.len() {
        table[bits] = f16::from_bits(bits as u16).to_f32_const();
        bits += 1;
    }
    table
};
