//! A graph computes the same as the model, for every family and format, alone or in a batch. It
//! runs on the CPU, or on the device in `CORTEX_TEST_DEVICE`.
#![allow(clippy::unwrap_used)]

#[path = "../../transformer/tests/fixture/mod.rs"]
mod fixture;

use std::ops::ControlFlow;

use candle_core::{DType, Device};
use cortex_graph::{Cache, Graph};
use cortex_transformer::{LogitsFor, Model, Segment};
use fixture::{Case, Fixture, NAMES, Sequence, blocks_for, largest};

/// The tolerance for floats that are summed in another order.
const TOLERANCE: f32 = 1e-4;
/// Candle's products with quantised blocks first round the activations to 8 bits.
const BLOCK_TOLERANCE: f32 = 5e-2;

fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0, |most: f32, logit| most.max(logit.abs()));
    found.iter().zip(expected).map(|(a, b)| (a - b).abs() / largest).fold(0.0, f32::max)
}

fn device() -> Device {
    match std::env::var("CORTEX_TEST_DEVICE").as_deref() {
        Err(_) | Ok("candle") => Device::Cpu,
        Ok("metal") => Device::new_metal(0).unwrap(),
        Ok(cuda) => Device::new_cuda(cuda.strip_prefix("cuda:").unwrap().parse().unwrap()).unwrap(),
    }
}

fn graph(model: &Model, blocks: u32) -> (Graph, Cache) {
    let graph = Graph::new(model, &device(), DType::F32, &mut |_| ControlFlow::Continue(())).unwrap();
    let cache = graph.cache(model, blocks as usize).unwrap();
    (graph, cache)
}

fn greedy(model: &Model, case: &Case) -> Vec<u32> {
    let blocks = blocks_for(case.prompt.len());
    let (graph, mut cache) = graph(model, blocks);
    let mut sequence = Sequence::new(&case.prompt, 0..blocks);
    let mut next = case.prompt.len();
    let mut greedy = vec![];
    while greedy.len() < case.greedy.len() {
        let logits = graph.forward(model, &mut cache, &[sequence.segment(next, LogitsFor::Last)]).unwrap();
        sequence.start += next;
        next = 1;
        greedy.push(largest(&logits));
        sequence.tokens.push(largest(&logits));
    }
    greedy
}

#[test]
fn logits_and_greedy_tokens_are_those_of_transformers() {
    // In debug builds candle requires an even number of Q5_0 blocks in a row, which this small
    // model doesn't have.
    for name in NAMES.into_iter().filter(|name| *name != "gguf-qwen2-mixed") {
        let fixture = Fixture::open(name);
        let model = fixture.model(1);
        for case in &fixture.cases {
            let blocks = blocks_for(case.prompt.len());
            let (graph, mut cache) = graph(&model, blocks);
            let sequence = Sequence::new(&case.prompt, 0..blocks);
            let segment = sequence.segment(case.prompt.len(), LogitsFor::All);
            let logits = graph.forward(&model, &mut cache, &[segment]).unwrap();
            let off = difference(&logits[logits.len() - case.logits.len()..], &case.logits);
            let in_blocks = name.starts_with("gguf");
            assert!(off < if in_blocks { BLOCK_TOLERANCE } else { TOLERANCE }, "{name}: off by {off}");
            if !in_blocks {
                assert_eq!(greedy(&model, case), case.greedy, "{name}");
            }
        }
    }
}

#[test]
fn a_batched_step_gives_each_sequence_its_own_logits_in_segment_order() {
    for name in ["mistral", "qwen3", "llama3"] {
        let fixture = Fixture::open(name);
        let model = fixture.model(1);
        let prompt = &fixture.cases[2].prompt;
        let cut = prompt.len() / 2;
        let (graph, mut cache) = graph(&model, 16);
        let run =
            |cache: &mut Cache, segments: &[Segment<'_>]| graph.forward(&model, cache, segments).unwrap();

        let mut alone = Sequence::new(prompt, 0..4);
        let expected = run(&mut cache, &[alone.segment(prompt.len(), LogitsFor::Last)]);
        alone.start = prompt.len();
        alone.tokens.push(1);
        let expected_next = run(&mut cache, &[alone.segment(1, LogitsFor::Last)]);

        // One sequence in two parts beside a short one, then both token by token.
        let (mut parted, mut short) = (Sequence::new(prompt, 4..8), Sequence::new(&prompt[..3], 8..10));
        run(&mut cache, &[parted.segment(cut, LogitsFor::Nothing)]);
        parted.start = cut;
        let segments =
            [parted.segment(prompt.len() - cut, LogitsFor::Last), short.segment(3, LogitsFor::Last)];
        let both = run(&mut cache, &segments);
        let (first, short_logits) = both.split_at(both.len() / 2);
        assert!(difference(first, &expected) < TOLERANCE, "{name}: in two parts");
        parted.start = prompt.len();
        parted.tokens.push(1);
        short.start = 3;
        short.tokens.push(largest(short_logits));
        let next = run(&mut cache, &[short.segment(1, LogitsFor::Last), parted.segment(1, LogitsFor::Last)]);
        assert!(difference(&next[next.len() / 2..], &expected_next) < TOLERANCE, "{name}: the next token");
    }
}

#[test]
fn a_step_that_does_not_fit_changes_nothing() {
    let fixture = Fixture::open("llama2");
    let model = fixture.model(1);
    let (graph, mut cache) = graph(&model, 2);
    let sequence = Sequence::new(&[1, 2, 3], [7]);
    let refused = graph.forward(&model, &mut cache, &[sequence.segment(3, LogitsFor::Last)]).unwrap_err();
    assert!(refused.to_string().contains("block 7 is not in a cache of 2"), "{refused}");
}

#[test]
fn a_graph_says_what_it_will_take() {
    let model = Fixture::open("llama2").model(1);
    let (kv, layers) = (model.shape().kv() as u64, model.shape().layers as u64);
    assert_eq!(Cache::block_bytes(model.shape(), DType::F16), 32 * 2 * layers * kv * 2);
    // All weights except the embedding, which stays on the CPU.
    let matrix = &model.weights().embedding;
    let embedding = (matrix.rows() * matrix.columns()) as u64;
    assert_eq!(Graph::bytes(&model, DType::F32), (model.description().parameters - embedding) * 4);
}

#[test]
fn a_cancelled_graph_is_not_built() {
    let model = Fixture::open("llama2").model(1);
    let mut layers = 0;
    let stopped = Graph::new(&model, &device(), DType::F32, &mut |_| {
        layers += 1;
        ControlFlow::Break(())
    });
    assert!(matches!(stopped, Err(cortex_graph::GraphError::Stopped)));
    assert_eq!(layers, 1);
}
