//! The functions of a transformer, on vectors.

use super::simd::{Isa, Simd, dispatch};

/// Computes `x * Φ(x)` in place. This is the exact GELU, not the tanh approximation.
pub fn gelu(isa: Isa, values: &mut [f32]) {
    dispatch!(isa, gelu_all(values: &mut [f32]));
}

/// Replaces every value by a function of it. The remainder goes through a padded vector. This is a
/// macro, because a closure would be compiled on its own, without the instructions of the kernel
/// around it.
macro_rules! map {
    ($simd:ty, $values:expr, |$x:ident| $result:expr) => {{
        let mut chunks = $values.chunks_exact_mut(<$simd>::LANES);
        for chunk in &mut chunks {
            let $x = <$simd>::load(chunk.as_ptr());
            $result.store(chunk.as_mut_ptr());
        }
        let rest = chunks.into_remainder();
        if !rest.is_empty() {
            let mut lanes = [0.0; 16];
            lanes[..rest.len()].copy_from_slice(rest);
            let $x = <$simd>::load(lanes.as_ptr());
            $result.store(lanes.as_mut_ptr());
            rest.copy_from_slice(&lanes[..rest.len()]);
        }
    }};
}
pub(crate) use map;

/// Folds all values lane by lane. The remainder goes through a vector that is padded with the
/// neutral start value.
macro_rules! fold {
    ($simd:ty, $values:expr, $start:expr, |$a:ident, $b:ident| $result:expr) => {{
        let chunks = $values.chunks_exact(<$simd>::LANES);
        let mut lanes = [$start; 16];
        lanes[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
        let mut $a = <$simd>::load(lanes.as_ptr());
        for chunk in chunks {
            let $b = <$simd>::load(chunk.as_ptr());
            $a = $result;
        }
        $a
    }};
}
pub(crate) use fold;

#[inline(always)]
unsafe fn gelu_all<S: Simd>(values: &mut [f32]) {
    unsafe { map!(S, values, |x| gelu_one(x)) }
}

#[inline(always)]
unsafe fn gelu_one<S: Simd>(x: S) -> S {
    unsafe {
        let half = x.mul(S::splat(0.5));
        half.mul_add(erf(x.mul(S::splat(std::f32::consts::FRAC_1_SQRT_2))), half)
    }
}

/// Computes erf as a quotient of polynomials in x², accurate to a few units in the last place.
/// Beyond ±4 it is ±1 in a float. The coefficients are the minimax fit of Eigen and XLA.
#[inline(always)]
unsafe fn erf<S: Simd>(x: S) -> S {
    unsafe {
        let x = x.max(S::splat(-4.0)).min(S::splat(4.0));
        let x2 = x.mul(x);
        let above = polynomial(
            x2,
            [
                -2.726_142_3e-10,
                2.770_681_5e-8,
                -2.101_024e-6,
                -5.692_506_4e-5,
                -7.349_906e-4,
                -2.954_6e-3,
                -1.609_603_3e-2,
            ],
        );
        let below =
            polynomial(x2, [-1.456_607_2e-5, -2.133_740_5e-4, -1.682_827e-3, -7.373_329e-3, -1.426_474e-2]);
        x.mul(above).div(below)
    }
}

/// Computes eˣ for x up to 88, accurate to a few units in the last place: 2ⁿ by the exponent bits,
/// and e to the rest by its series.
#[inline(always)]
pub(crate) unsafe fn exp<S: Simd>(x: S) -> S {
    unsafe {
        let x = x.max(S::splat(-87.0)).min(S::splat(88.0));
        let n = x.mul(S::splat(std::f32::consts::LOG2_E)).round();
        // ln 2 is in two parts, so that the difference loses no bits.
        let rest = n.mul_add(S::splat(-0.693_359_4), x);
        let rest = n.mul_add(S::splat(2.121_944_4e-4), rest);
        let series = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
        polynomial(rest, series).mul(n.exp2_whole())
    }
}

/// Evaluates a polynomial by Horner's scheme, the highest power first.
#[inline(always)]
unsafe fn polynomial<S: Simd, const N: usize>(x: S, coefficients: [f32; N]) -> S {
    unsafe {
        let mut sum = S::splat(coefficients[0]);
        for &coefficient in &coefficients[1..] {
            sum = sum.mul_add(x, S::splat(coefficient));
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exp_all(isa: Isa, values: &mut [f32]) {
        #[inline(always)]
        unsafe fn all<S: Simd>(values: &mut [f32]) {
            unsafe { map!(S, values, |x| exp(x)) }
        }
        dispatch!(isa, all(values: &mut [f32]));
    }

    /// Computes erf by its Maclaurin series, which is accurate in doubles up to ±4.
    fn erf_exactly(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            let n = f64::from(n);
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        2.0 / std::f64::consts::PI.sqrt() * sum
    }

    #[test]
    fn gelu_is_the_exact_one() {
        for isa in Isa::available() {
            let inputs: Vec<f32> = (-5501..=5501).map(|n| n as f32 / 1000.0).collect();
            let mut outputs = inputs.clone();
            gelu(isa, &mut outputs);
            for (x, y) in inputs.iter().zip(&outputs) {
                let exact = f64::from(*x) * 0.5 * (1.0 + erf_exactly(f64::from(*x) / 2f64.sqrt()));
                assert!(
                    (f64::from(*y) - exact).abs() < 1e-6 * (1.0 + exact.abs()),
                    "{isa:?}: gelu({x}) = {y}, not {exact}"
                );
            }
        }
    }

    #[test]
    fn exp_is_good_to_the_last_digits() {
        for isa in Isa::available() {
            let inputs: Vec<f32> = (-8600..=8800).map(|n| n as f32 / 100.0).collect();
            let mut outputs = inputs.clone();
            exp_all(isa, &mut outputs);
            for (x, y) in inputs.iter().zip(&outputs) {
                let exact = f64::from(*x).exp();
                assert!(
                    ((f64::from(*y) - exact) / exact).abs() < 4e-7,
                    "{isa:?}: exp({x}) = {y}, not {exact}"
                );
            }
        }
    }
}
