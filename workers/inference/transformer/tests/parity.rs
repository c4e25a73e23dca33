//! Logits and greedy tokens equal those of transformers.

#![allow(clippy::unwrap_used)]

mod fixture;

use cortex_transformer::{Cache, LogitsFor, Model, Store};
use fixture::{Case, Fixture, NAMES, Sequence, blocks_for, cache, largest};

/// The tolerance for floats that are summed in another order. The models are small.
const TOLERANCE: f32 = 2e-5;

/// Returns the largest difference in a row, relative to the row's largest logit.
fn difference(found: &[f32], expected: &[f32], vocabulary: usize) -> f32 {
    assert_eq!(found.len(), expected.len());
    let rows = found.chunks_exact(vocabulary).zip(expected.chunks_exact(vocabulary));
    rows.map(|(found, expected)| {
        let largest = expected.iter().fold(0.0, |most: f32, logit| most.max(logit.abs()));
        found.iter().zip(expected).map(|(a, b)| (a - b).abs() / largest).fold(0.0, f32::max)
    })
    .fold(0.0, f32::max)
}

/// Returns the prompt's last logits, the greedy tokens, and the logits of the last of them.
fn run(model: &Model, cache: &mut Cache, case: &Case) -> (Vec<f32>, Vec<u32>, Vec<f32>) {
    let vocabulary = model.shape().vocabulary;
    let mut sequence = Sequence::new(&case.prompt, 0..blocks_for(case.prompt.len()));
    let all = model.forward(cache, &[sequence.segment(case.prompt.len(), LogitsFor::All)]).unwrap();
    let mut logits = all[all.len() - vocabulary..].to_vec();
    let mut greedy = vec![];
    sequence.start = case.prompt.len();
    loop {
        sequence.tokens.push(largest(&logits));
        greedy.push(largest(&logits));
        if greedy.len() == case.greedy.len() {
            return (all[all.len() - case.logits.len()..].to_vec(), greedy, logits);
        }
        logits = model.forward(cache, &[sequence.segment(1, LogitsFor::Last)]).unwrap();
        sequence.start += 1;
    }
}

#[test]
fn logits_and_greedy_tokens_are_those_of_transformers() {
    for name in NAMES {
        let fixture = Fixture::open(name);
        let model = fixture.model(2);
        let vocabulary = model.shape().vocabulary;
        for case in &fixture.cases {
            let mut cache = cache(&model, blocks_for(case.prompt.len()));
            let (logits, greedy, last) = run(&model, &mut cache, case);
            let off = difference(&logits, &case.logits, vocabulary);
            assert!(off < TOLERANCE, "{name}: logits of {} tokens are off by {off}", case.prompt.len());
            assert_eq!(greedy, case.greedy, "{name}: greedy tokens");
            let off_last = difference(&last, &case.last, vocabulary);
            assert!(off_last < TOLERANCE, "{name}: the last logits are off by {off_last}");
        }
    }
}

#[test]
fn a_cache_of_halves_is_nearly_as_good() {
    let fixture = Fixture::open("qwen3");
    let model = fixture.model(1);
    let case = &fixture.cases[2];
    let mut cache = Cache::new(model.shape(), 8, Store::F16).unwrap();
    let sequence = Sequence::new(&case.prompt, 0..8);
    let logits = model.forward(&mut cache, &[sequence.segment(70, LogitsFor::All)]).unwrap();
    let off = difference(&logits[logits.len() - case.logits.len()..], &case.logits, model.shape().vocabulary);
    assert!(off > 0.0 && off < 5e-3, "{off}");
}
