//! Matrices of random bytes that are valid in their format.

use std::sync::Arc;

use cortex_compute::{Format, Matrix};

/// SplitMix64.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ x >> 31
    }

    /// Returns a float between -1 and 1.
    pub(crate) fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    pub(crate) fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.float()).collect()
    }
}

/// Returns where a block has 16-bit floats, whose random bits could be NaN.
fn halves(format: Format) -> &'static [usize] {
    match format {
        Format::F32 => &[2],
        Format::F16 | Format::Bf16 | Format::Q4_0 | Format::Q5_0 | Format::Q8_0 => &[0],
        Format::Q4_1 | Format::Q5_1 | Format::Q4K | Format::Q5K => &[0, 2],
        Format::Q2K => &[80, 82],
        Format::Q3K => &[108],
        Format::Q6K => &[208],
    }
}

/// Returns random bytes with scales of moderate size.
pub(crate) fn bytes(format: Format, rows: usize, columns: usize, seed: u64) -> Vec<u8> {
    let mut noise = Noise(seed);
    let length = rows * format.row_bytes(columns).expect("whole blocks");
    let mut bytes: Vec<u8> = (0..length).map(|_| noise.next() as u8).collect();
    // The high byte of the exponent, for about 1/16 to 1/2 in each of the three kinds of float.
    let wide = matches!(format, Format::F32 | Format::Bf16);
    for block in bytes.chunks_exact_mut(format.block_bytes()) {
        for &at in halves(format) {
            let high = block[at + 1];
            block[at + 1] = high & 0x80 | if wide { 0x3d + high % 3 } else { 0x2c + high % 13 };
        }
    }
    bytes
}

pub(crate) fn matrix(format: Format, rows: usize, columns: usize, seed: u64) -> Matrix {
    // Offset by one, so that nothing relies on alignment.
    let mut stored = vec![0xff];
    stored.extend(bytes(format, rows, columns, seed));
    let range = 1..stored.len();
    Matrix::new(format, rows, columns, Arc::new(stored), range).expect("as many bytes as it takes")
}
