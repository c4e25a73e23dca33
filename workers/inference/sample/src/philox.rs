//! Random numbers as a function of (seed, choice, step): Philox4x32-10 by Salmon, Moraes, Dror and
//! Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011). No state is carried from one step
//! to the next.

/// A number in [0, 1), uniform with 53 bits.
pub(crate) fn uniform(seed: u64, choice: u32, step: u64) -> f64 {
    let [a, b, _, _] = block([low(step), high(step), choice, 0], [low(seed), high(seed)]);
    let bits = (u64::from(a) << 32 | u64::from(b)) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

fn block(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let [x, y, z, w] = counter;
        let first = u64::from(x) * 0xD251_1F53;
        let second = u64::from(z) * 0xCD9E_8D57;
        counter = [high(second) ^ y ^ key[0], low(second), high(first) ^ w ^ key[1], low(first)];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

fn low(value: u64) -> u32 {
    value as u32
}

fn high(value: u64) -> u32 {
    (value >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_match_the_published_vectors() {
        assert_eq!(block([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(block([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            block([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn seed_choice_and_step_each_change_the_number() {
        let here = uniform(7, 0, 3);
        assert_ne!(here, uniform(8, 0, 3));
        assert_ne!(here, uniform(7, 1, 3));
        assert_ne!(here, uniform(7, 0, 4));
        assert_eq!(here, uniform(7, 0, 3));
    }
}
