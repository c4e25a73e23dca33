//! A sequence's logits don't depend, bit for bit, on the other sequences in the step or on how the
//! sequence is split.

#![allow(clippy::unwrap_used)]

mod fixture;

use cortex_transformer::{BLOCK, Cache, LogitsFor, Model};
use fixture::{Fixture, NAMES, Sequence, bits, blocks_for, cache};

/// Returns the logits of every token in one segment, alone in its step.
fn reference_logits(model: &Model, tokens: &[u32]) -> Vec<f32> {
    let blocks = blocks_for(tokens.len());
    let sequence = Sequence::new(tokens, 0..blocks);
    model.forward(&mut cache(model, blocks), &[sequence.segment(tokens.len(), LogitsFor::All)]).unwrap()
}

fn text(fixture: &Fixture, case: usize) -> Vec<u32> {
    let case = &fixture.cases[case];
    case.prompt.iter().chain(&case.greedy).copied().collect()
}

fn cut(model: &Model, cache: &mut Cache, mut sequence: Sequence, size: usize) -> Vec<f32> {
    let mut logits = vec![];
    while sequence.start < sequence.tokens.len() {
        let size = size.min(sequence.tokens.len() - sequence.start);
        logits.extend(model.forward(cache, &[sequence.segment(size, LogitsFor::All)]).unwrap());
        sequence.start += size;
    }
    logits
}

#[test]
fn segments_of_any_size_give_the_same_bits() {
    for name in NAMES {
        let fixture = Fixture::open(name);
        let model = fixture.model(1);
        let tokens = text(&fixture, 2);
        let whole = bits(&reference_logits(&model, &tokens));
        for size in [1, 3, 16, 31, 32, 33, 64, 100] {
            let blocks = blocks_for(tokens.len());
            // The blocks are in reverse order.
            let sequence = Sequence::new(&tokens, (0..blocks).rev());
            let logits = cut(&model, &mut cache(&model, blocks), sequence, size);
            assert!(bits(&logits) == whole, "{name} in segments of {size}");
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for name in NAMES {
        let fixture = Fixture::open(name);
        let tokens = text(&fixture, 1);
        let one = bits(&reference_logits(&fixture.model(1), &tokens));
        for threads in [2, 3, 8] {
            assert!(
                bits(&reference_logits(&fixture.model(threads), &tokens)) == one,
                "{name} on {threads} threads"
            );
        }
    }
}

#[test]
fn a_full_batch_gives_the_same_bits() {
    for name in NAMES {
        let fixture = Fixture::open(name);
        let model = fixture.model(2);
        let texts: Vec<Vec<u32>> = (0..9).map(|n| text(&fixture, n % 3)[n / 3..].to_vec()).collect();
        let each = texts.iter().map(|text| blocks_for(text.len())).max().unwrap();
        let mut cache = cache(&model, each * texts.len() as u32);
        let mut found = vec![vec![]; texts.len()];
        // Blocks are assigned in turn, so that no sequence has adjacent ones.
        let mut sequences: Vec<Sequence> = (0..texts.len() as u32)
            .map(|n| Sequence::new(&texts[n as usize], (0..each).map(|block| block * texts.len() as u32 + n)))
            .collect();
        for step in 0.. {
            // Each sequence joins a step later than the one before. Chunks and single tokens share
            // the steps.
            let size = |n: usize, sequence: &Sequence| {
                let size = if (n + step).is_multiple_of(3) { 1 + (step * 7 + n * 5) % 40 } else { 1 };
                if n > step { 0 } else { size.min(sequence.tokens.len() - sequence.start) }
            };
            let sizes: Vec<usize> =
                sequences.iter().enumerate().map(|(n, sequence)| size(n, sequence)).collect();
            let taken: Vec<usize> = (0..sequences.len()).filter(|&n| sizes[n] > 0).collect();
            if taken.is_empty() && step > sequences.len() {
                break;
            }
            let segments: Vec<_> =
                taken.iter().map(|&n| sequences[n].segment(sizes[n], LogitsFor::All)).collect();
            let logits = model.forward(&mut cache, &segments).unwrap();
            let mut rows = logits.as_slice();
            for n in taken {
                let (own, rest) = rows.split_at(sizes[n] * model.shape().vocabulary);
                found[n].extend_from_slice(own);
                sequences[n].start += sizes[n];
                rows = rest;
            }
        }
        for (n, text) in texts.iter().enumerate() {
            assert!(bits(&found[n]) == bits(&reference_logits(&model, text)), "{name}: sequence {n}");
        }
    }
}

#[test]
fn shared_blocks_give_the_same_bits() {
    for name in NAMES {
        let fixture = Fixture::open(name);
        let model = fixture.model(2);
        let first = text(&fixture, 2);
        // The first 64 tokens are the same, and the others differ.
        let second: Vec<u32> = first[..64].iter().chain(&text(&fixture, 0)).copied().collect();
        let mut cache = cache(&model, 16);
        let sequence = Sequence::new(&first, 0..8);
        model.forward(&mut cache, &[sequence.segment(first.len(), LogitsFor::Nothing)]).unwrap();
        let mut hit = Sequence::new(&second, [0, 1].into_iter().chain(8..16));
        hit.start = 2 * BLOCK;
        let logits =
            model.forward(&mut cache, &[hit.segment(second.len() - hit.start, LogitsFor::All)]).unwrap();
        let whole = reference_logits(&model, &second);
        assert!(bits(&logits) == bits(&whole[hit.start * model.shape().vocabulary..]), "{name}");
    }
}

#[test]
fn only_the_requested_rows_come_back_in_order() {
    let fixture = Fixture::open("qwen2-sliding");
    let model = fixture.model(1);
    let (a, b, c) = (text(&fixture, 0), text(&fixture, 1), text(&fixture, 2));
    let vocabulary = model.shape().vocabulary;
    let mut cache = cache(&model, 24);
    let sequences = [Sequence::new(&a, 0..8), Sequence::new(&b, 8..16), Sequence::new(&c, 16..24)];
    let segments = [
        sequences[0].segment(a.len(), LogitsFor::Last),
        sequences[1].segment(b.len(), LogitsFor::Nothing),
        sequences[2].segment(40, LogitsFor::All),
    ];
    let logits = model.forward(&mut cache, &segments).unwrap();
    let (first, rest) = logits.split_at(vocabulary);
    let whole = reference_logits(&model, &a);
    assert!(bits(first) == bits(&whole[whole.len() - vocabulary..]));
    assert!(bits(rest) == bits(&reference_logits(&model, &c)[..40 * vocabulary]));
}
