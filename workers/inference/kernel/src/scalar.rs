//! Widening, value by value.

use half::{bf16, f16};

use crate::format::Format;

pub(crate) fn widen(format: Format, bytes: &[u8], out: &mut [f32]) {
    let blocks = bytes.chunks_exact(format.block_bytes()).zip(out.chunks_exact_mut(format.block_values()));
    for (block, out) in blocks {
        widen_block(format, block, out);
    }
}

fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

fn widen_block(format: Format, b: &[u8], out: &mut [f32]) {
    match format {
        Format::F32 => out[0] = f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        Format::F16 => out[0] = half_at(b, 0),
        Format::Bf16 => out[0] = bf16::from_le_bytes([b[0], b[1]]).to_f32(),
        Format::Q8_0 => {
            for (n, out) in out.iter_mut().enumerate() {
                *out = half_at(b, 0) * f32::from(b[2 + n].cast_signed());
            }
        }
        Format::Q4_0 | Format::Q4_1 | Format::Q5_0 | Format::Q5_1 => {
            let (shifted, five) = (
                matches!(format, Format::Q4_1 | Format::Q5_1),
                matches!(format, Format::Q5_0 | Format::Q5_1),
            );
            let mut at = if shifted { 4 } else { 2 };
            let high = if five {
                at += 4;
                u32::from_le_bytes([b[at - 4], b[at - 3], b[at - 2], b[at - 1]])
            } else {
                0
            };
            let scale = half_at(b, 0);
            let shift = if shifted { half_at(b, 2) } else { -scale * if five { 16.0 } else { 8.0 } };
            for (n, out) in out.iter_mut().enumerate() {
                let low = b[at + n % 16] >> (n / 16 * 4) & 15;
                let q = u32::from(low) | (high >> n & 1) << 4;
                *out = scale * q as f32 + shift;
            }
        }
        Format::Q2K => {
            for (n, out) in out.iter_mut().enumerate() {
                let (scale, q) = (b[n / 16], b[16 + n / 128 * 32 + n % 32] >> (n / 32 % 4 * 2) & 3);
                let (d, m) = (half_at(b, 80), half_at(b, 82));
                *out = d * f32::from(scale & 15) * f32::from(q) - m * f32::from(scale >> 4);
            }
        }
        Format::Q3K => {
            for (n, out) in out.iter_mut().enumerate() {
                let group = n / 16;
                let low = b[96 + group % 8] >> (group / 8 * 4) & 15;
                let scale = low | (b[104 + group % 4] >> (group / 4 * 2) & 3) << 4;
                let q = b[32 + n / 128 * 32 + n % 32] >> (n / 32 % 4 * 2) & 3;
                let high = b[n % 32] >> (n / 32) & 1;
                *out = half_at(b, 108)
                    * (f32::from(scale) - 32.0)
                    * (f32::from(q) - if high == 0 { 4.0 } else { 0.0 });
            }
        }
        Format::Q4K | Format::Q5K => {
            let five = format == Format::Q5K;
            let quants = if five { &b[48..] } else { &b[16..] };
            for (n, out) in out.iter_mut().enumerate() {
                let (scale, min) = scale_and_min(&b[4..16], n / 32);
                let low = quants[n / 64 * 32 + n % 32] >> (n / 32 % 2 * 4) & 15;
                let high = if five { b[16 + n % 32] >> (n / 32) & 1 } else { 0 };
                *out = half_at(b, 0) * f32::from(scale) * f32::from(low | high << 4)
                    - half_at(b, 2) * f32::from(min);
            }
        }
        Format::Q6K => {
            for (n, out) in out.iter_mut().enumerate() {
                let low = b[n / 128 * 64 + n % 64] >> (n / 64 % 2 * 4) & 15;
                let high = b[128 + n / 128 * 32 + n % 32] >> (n / 32 % 4 * 2) & 3;
                let scale = f32::from(b[192 + n / 16].cast_signed());
                *out = half_at(b, 208) * scale * (f32::from(low | high << 4) - 32.0);
            }
        }
    }
}

/// Six bits each; the last four keep their high bits where the first four have none.
fn scale_and_min(packed: &[u8], n: usize) -> (u8, u8) {
    if n < 4 {
        (packed[n] & 63, packed[n + 4] & 63)
    } else {
        (packed[n + 4] & 15 | packed[n - 4] >> 6 << 4, packed[n + 4] >> 4 | packed[n] >> 6 << 4)
    }
}
