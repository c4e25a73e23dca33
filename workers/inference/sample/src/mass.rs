use crate::exponential::exp;

const CHUNK: usize = 256;

/// The total weight of all tokens relative to the most likely one, summed in chunks so that a draw
/// first finds its chunk.
#[derive(Debug, Default)]
pub(crate) struct ProbabilityMass {
    chunks: Vec<f32>,
}

impl ProbabilityMass {
    /// Sums e^((logit - greatest) / temperature) over all tokens.
    pub(crate) fn measure(&mut self, logits: &[f32], greatest: f32, temperature: f32) -> f64 {
        let scale = temperature.recip();
        self.chunks.clear();
        self.chunks.extend(logits.chunks(CHUNK).map(|chunk| sum(chunk, greatest, scale)));
        self.chunks.iter().map(|&mass| f64::from(mass)).sum()
    }

    /// The token at the fraction `uniform` of the total weight, in ascending order of id. Call
    /// after [`ProbabilityMass::measure`] with the same arguments.
    pub(crate) fn draw(&self, logits: &[f32], greatest: f32, temperature: f32, uniform: f64) -> u32 {
        let scale = temperature.recip();
        let total: f64 = self.chunks.iter().map(|&mass| f64::from(mass)).sum();
        let mut left = uniform * total;
        let mut found = 0;
        for (index, &mass) in self.chunks.iter().enumerate().filter(|(_, mass)| **mass > 0.0) {
            found = index;
            if left < f64::from(mass) {
                break;
            }
            left -= f64::from(mass);
        }
        // What rounding leaves over goes to the last token that can be drawn.
        let start = found * CHUNK;
        let mut last = start;
        for (offset, &logit) in logits[start..].iter().take(CHUNK).enumerate() {
            let weight = f64::from(exp((logit - greatest) * scale));
            if weight > 0.0 {
                last = start + offset;
                if left < weight {
                    break;
                }
                left -= weight;
            }
        }
        last as u32
    }
}

/// Computes the weights first and then their sum in eight lanes: two plain loops that the compiler
/// vectorises.
fn sum(chunk: &[f32], greatest: f32, scale: f32) -> f32 {
    let mut weights = [0.0_f32; CHUNK];
    for (weight, &logit) in weights.iter_mut().zip(chunk) {
        *weight = exp((logit - greatest) * scale);
    }
    let mut lanes = [0.0_f32; 8];
    for eight in weights.as_chunks::<8>().0 {
        for (lane, weight) in lanes.iter_mut().zip(eight) {
            *lane += weight;
        }
    }
    lanes.iter().sum()
}
