//! Divides texts into batches that are computed together.

/// The largest batch, in tokens. It is large enough to read each weight rarely, and small enough to
/// stay in the processor's caches.
pub(super) const BATCH_TOKENS: usize = 192;
/// A smaller batch would read the weights for too few tokens.
const MIN_BATCH_TOKENS: usize = 64;

/// Divides texts, given by their lengths in tokens, into batches for `threads` threads. The batches
/// are as even as possible. Each has at most [`BATCH_TOKENS`] tokens unless a single text is
/// longer. The longest text goes first into the emptiest batch (Graham's LPT rule). Nothing is
/// padded, so texts of any length go together.
pub(super) fn share_out(lengths: &[usize], threads: usize) -> Vec<Vec<usize>> {
    let total: usize = lengths.iter().sum();
    let size = total.div_ceil(threads).clamp(MIN_BATCH_TOKENS, BATCH_TOKENS);
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&text| std::cmp::Reverse(lengths[text]));

    // Every thread gets the same number of batches.
    let count = total.div_ceil(size);
    let count = if count < threads { count } else { count.next_multiple_of(threads) };
    let mut batches = vec![(0, Vec::new()); count];
    for text in order {
        let length = lengths[text];
        let emptiest = batches.iter_mut().min_by_key(|(tokens, _)| *tokens);
        match emptiest {
            Some((tokens, texts)) if *tokens + length <= BATCH_TOKENS || texts.is_empty() => {
                *tokens += length;
                texts.push(text);
            }
            _ => batches.push((length, vec![text])),
        }
    }
    batches.into_iter().map(|(_, texts)| texts).filter(|texts| !texts.is_empty()).collect()
}

/// The largest padded batch on an accelerator, in tokens.
const MAX_PADDED_TOKENS: usize = 32 * 512;

/// Puts texts of similar lengths together, for a device that pads each batch to its longest text.
pub(super) fn by_length(lengths: &[usize]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&text| std::cmp::Reverse(lengths[text]));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for text in order {
        match batches.last_mut() {
            // The first text of a batch is its longest.
            Some(batch) if (batch.len() + 1) * lengths[batch[0]] <= MAX_PADDED_TOKENS => batch.push(text),
            _ => batches.push(vec![text]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_texts_are_shared_equally() {
        let sizes = |texts: &[usize]| share_out(texts, 2).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(&[16; 16]), [8, 8]);
        assert_eq!(sizes(&[16; 32]), [8, 8, 8, 8]);
    }

    #[test]
    fn a_few_short_texts_stay_together() {
        assert_eq!(share_out(&[5, 7, 9], 2).len(), 1);
        assert_eq!(share_out(&[], 2).len(), 0);
    }

    proptest! {
        #[test]
        fn every_text_is_in_one_batch_and_no_batch_is_too_large(
            lengths in prop::collection::vec(1usize..600, 0..200),
            threads in 1usize..9,
        ) {
            let batches = share_out(&lengths, threads);
            let mut seen: Vec<usize> = batches.iter().flatten().copied().collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            for batch in batches {
                let tokens: usize = batch.iter().map(|&text| lengths[text]).sum();
                prop_assert!(tokens <= BATCH_TOKENS || batch.len() == 1);
            }
        }
    }
}
