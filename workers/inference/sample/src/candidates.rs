use std::cmp::Ordering;

/// A token that may still be drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) token: u32,
    pub(crate) logit: f32,
}

/// Orders by descending logit, then by ascending id.
pub(crate) fn by_likelihood(left: &Candidate, right: &Candidate) -> Ordering {
    right.logit.total_cmp(&left.logit).then(left.token.cmp(&right.token))
}

const CHUNK: usize = 32;

/// Collects the `count` largest logits, unordered. One pass keeps at most twice that many and a
/// rising threshold, and skips chunks whose largest logit is below the threshold.
/// skips when their largest is under the bar.
pub(crate) fn largest(logits: &[f32], count: usize, kept: &mut Vec<Candidate>) {
    kept.clear();
    if count == 0 {
        return;
    }
    let mut bar = f32::NEG_INFINITY;
    for (index, chunk) in logits.chunks(CHUNK).enumerate() {
        // Ids ascend, so a later one with an equal logit loses.
        if greatest(chunk) <= bar {
            continue;
        }
        for (offset, &logit) in chunk.iter().enumerate() {
            if logit > bar {
                kept.push(Candidate { token: (index * CHUNK + offset) as u32, logit });
            }
        }
        if kept.len() >= count * 2 + CHUNK {
            cut(kept, count);
            bar = kept[count - 1].logit;
        }
    }
    if kept.len() > count {
        cut(kept, count);
    }
}

/// Collects all logits of at least `least`, in ascending order of id.
pub(crate) fn at_least(logits: &[f32], least: f32, kept: &mut Vec<Candidate>) {
    gather(logits, least, f32::INFINITY, kept);
}

/// Collects all logits from `least` to `most` except -inf, in ascending order of id.
pub(crate) fn gather(logits: &[f32], least: f32, most: f32, kept: &mut Vec<Candidate>) {
    kept.clear();
    let least = least.max(f32::MIN);
    for (index, chunk) in logits.chunks(CHUNK).enumerate() {
        if greatest(chunk) < least {
            continue;
        }
        for (offset, &logit) in chunk.iter().enumerate() {
            if logit >= least && logit <= most {
                kept.push(Candidate { token: (index * CHUNK + offset) as u32, logit });
            }
        }
    }
}

/// The largest logit, with the lowest id among equals; `None` if all are -inf.
pub(crate) fn most_likely(logits: &[f32]) -> Option<Candidate> {
    let mut best = Candidate { token: 0, logit: f32::NEG_INFINITY };
    for (index, chunk) in logits.chunks(CHUNK).enumerate() {
        if greatest(chunk) <= best.logit {
            continue;
        }
        for (offset, &logit) in chunk.iter().enumerate() {
            if logit > best.logit {
                best = Candidate { token: (index * CHUNK + offset) as u32, logit };
            }
        }
    }
    (best.logit > f32::NEG_INFINITY).then_some(best)
}

fn cut(kept: &mut Vec<Candidate>, count: usize) {
    kept.select_nth_unstable_by(count - 1, by_likelihood);
    kept.truncate(count);
}

/// Uses eight lanes so that the compiler vectorises the comparison.
#[inline(always)]
fn greatest(chunk: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 8];
    let (eights, rest) = chunk.as_chunks::<8>();
    for eight in eights {
        for (lane, &logit) in lanes.iter_mut().zip(eight) {
            *lane = if logit > *lane { logit } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(mut kept: Vec<Candidate>) -> Vec<u32> {
        kept.sort_unstable_by_key(|candidate| candidate.token);
        kept.iter().map(|candidate| candidate.token).collect()
    }

    #[test]
    fn equal_logits_go_to_the_lowest_ids() {
        let logits = vec![1.0; 500];
        let mut kept = Vec::new();
        largest(&logits, 3, &mut kept);
        assert_eq!(tokens(kept), [0, 1, 2]);
        assert_eq!(most_likely(&logits).map(|best| best.token), Some(0));
    }

    #[test]
    fn the_largest_are_those_of_a_full_sort() {
        let logits: Vec<f32> = (0..10_000_u64).map(|i| (i * 7919 % 4093) as f32).collect();
        let mut sorted: Vec<Candidate> = logits
            .iter()
            .enumerate()
            .map(|(token, &logit)| Candidate { token: token as u32, logit })
            .collect();
        sorted.sort_by(by_likelihood);
        for count in [1, 2, 31, 40, 1000, 9_999, 10_000, 20_000] {
            let mut kept = Vec::new();
            largest(&logits, count, &mut kept);
            assert_eq!(tokens(kept), tokens(sorted[..count.min(10_000)].to_vec()), "the {count} largest");
        }
    }

    #[test]
    fn no_token_is_most_likely_if_all_are_masked() {
        assert_eq!(most_likely(&[f32::NEG_INFINITY; 70]), None);
        let mut kept = Vec::new();
        largest(&[f32::NEG_INFINITY; 70], 5, &mut kept);
        assert!(kept.is_empty());
        at_least(&[f32::NEG_INFINITY, 1.0], f32::NEG_INFINITY, &mut kept);
        assert_eq!(tokens(kept), [1]);
    }
}
