//! Ranks sentences by their similarity to a question.

/// Returns the indices of the sentences with their cosine similarity, the closest to the question
/// first. Expects vectors of length one.
#[must_use]
pub(crate) fn rank(question: &[f32], sentences: &[Vec<f32>]) -> Vec<(usize, f32)> {
    let cosine = |sentence: &Vec<f32>| sentence.iter().zip(question).map(|(a, b)| a * b).sum::<f32>();
    let mut ranked: Vec<_> = sentences.iter().map(cosine).enumerate().collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_comes_first() {
        let sentences = [vec![0.0, 1.0], vec![1.0, 0.0], vec![0.6, 0.8]];
        let indices: Vec<_> = rank(&[1.0, 0.0], &sentences).into_iter().map(|(index, _)| index).collect();
        assert_eq!(indices, [1, 2, 0]);
    }
}
