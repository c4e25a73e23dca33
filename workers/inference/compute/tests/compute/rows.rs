//! The operations on rows between the products.

use cortex_compute::{Isa, Pairing, RopeTable, rms_norm, rope, silu_times};

use crate::stored::Noise;

#[test]
fn a_row_is_divided_by_the_root_of_its_mean_square() {
    for isa in Isa::available() {
        for width in [1, 16, 33, 576] {
            let (x, scale) = (Noise(1).floats(3 * width), Noise(2).floats(width));
            let mut out = vec![f32::NAN; x.len()];
            rms_norm(isa, &x, &scale, 1e-5, &mut out);
            for (x, out) in x.chunks_exact(width).zip(out.chunks_exact(width)) {
                let squares: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum();
                let by = 1.0 / (squares / width as f64 + 1e-5).sqrt();
                for ((x, scale), out) in x.iter().zip(&scale).zip(out) {
                    let exact = f64::from(*x) * by * f64::from(*scale);
                    assert!((f64::from(*out) - exact).abs() < 1e-6, "{isa:?} {width}: {out}, not {exact}");
                }
            }
        }
    }
}

#[test]
fn a_gate_is_its_silu_times_up() {
    for isa in Isa::available() {
        let gates: Vec<f32> = (-1000..=1003).map(|n| n as f32 / 10.0).collect();
        let up = Noise(3).floats(gates.len());
        let mut out = gates.clone();
        silu_times(isa, &mut out, &up);
        for ((gate, up), out) in gates.iter().zip(&up).zip(out) {
            let exact = f64::from(*gate) / (1.0 + (-f64::from(*gate)).exp()) * f64::from(*up);
            let off = (f64::from(out) - exact).abs();
            assert!(off <= 1e-6 * exact.abs() + 1e-30, "{isa:?}: silu({gate}) * {up} = {out}, not {exact}");
        }
    }
}

#[test]
fn a_gates_place_in_the_row_doesnt_change_it() {
    for isa in Isa::available() {
        let (gates, up) = (Noise(4).floats(67), Noise(5).floats(67));
        let mut whole = gates.clone();
        silu_times(isa, &mut whole, &up);
        for first in 0..67 {
            let mut part = gates[first..].to_vec();
            silu_times(isa, &mut part, &up[first..]);
            assert_eq!(part, whole[first..], "{isa:?} from {first}");
        }
    }
}

#[test]
fn pairs_turn_by_position_times_frequency() {
    let (heads, width, frequencies) = (3, 10, [1.0f32, 0.1, 0.01, 0.001]);
    let positions = [0, 1, 7, 4095];
    let angles = RopeTable::new(positions, &frequencies, 1.0);
    for pairing in [Pairing::Adjacent, Pairing::Halves] {
        let before = Noise(6).floats(positions.len() * heads * width);
        let mut after = before.clone();
        rope(pairing, &angles, width, &mut after);
        for (token, position) in positions.into_iter().enumerate() {
            for head in 0..heads {
                let at = (token * heads + head) * width;
                let (before, after) = (&before[at..at + width], &after[at..at + width]);
                for (pair, frequency) in frequencies.into_iter().enumerate() {
                    let (a, b) = match pairing {
                        Pairing::Adjacent => (2 * pair, 2 * pair + 1),
                        Pairing::Halves => (pair, pair + 4),
                    };
                    let (sine, cosine) = f64::from(position as f32 * frequency).sin_cos();
                    let (x, y) = (f64::from(before[a]), f64::from(before[b]));
                    assert!((f64::from(after[a]) - (x * cosine - y * sine)).abs() < 1e-6);
                    assert!((f64::from(after[b]) - (y * cosine + x * sine)).abs() < 1e-6);
                }
                assert_eq!(before[8..], after[8..], "what has no frequency stays");
            }
        }
    }
}
