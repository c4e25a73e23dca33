//! An answer does not depend on the rest of the batch.

use std::sync::Arc;

use cortex_grammar::Rule;
use cortex_transformer::Segment;
use tokio::sync::Semaphore;

use super::random::Random;
use super::reference::reference;
use super::{SETTINGS, engine, read, settled, tiny, write};
use crate::language::{Engine, Grammar, Request, StopReason};

/// Returns a random request with any combination of options.
pub(super) fn any(random: &mut Random) -> Request {
    let shared = [0, 33, 64, 90, 128][random.below(5)];
    let beginning = random.below(3) as u32;
    let prompt = (0..shared).map(|n| (n * 7 + beginning * 31) % 256);
    let own = random.below(40) + 1;
    let prompt = prompt.chain((0..own).map(|_| random.below(256) as u32)).collect();
    let tenant = ["a", "a", "a", "b", "c"][random.below(5)];
    let mut request = Request::new(tenant.into(), prompt);
    request.max_tokens = Some(random.below(60) + 1);
    request.choices = [1, 1, 1, 2, 3][random.below(5)];
    let sampling = &mut request.sampling;
    sampling.seed = random.next();
    sampling.logprobs = Some(2);
    sampling.temperature = [0.0, 0.8, 1.5][random.below(3)];
    match random.below(5) {
        0 => sampling.top_k = 20,
        1 => sampling.top_p = 0.9,
        2 => sampling.min_p = 0.05,
        3 => sampling.repetition_penalty = 1.3,
        _ => sampling.frequency_penalty = 0.5,
    }
    let rule = match random.below(6) {
        0 => Some(Rule::JsonObject),
        1 => Some(Rule::Regex("[a-z]{5,40}( [0-9]+)*".into())),
        _ => None,
    };
    request.grammar = rule.map(|rule| Grammar { rule, after: None, on: None });
    request
}

/// Returns how many of a number of requests got the same answer as alone, and how many ended.
pub(super) async fn matching(engine: &Engine, seed: u64, requests: usize) -> (usize, usize) {
    let model = tiny::model();
    let mut random = Random(seed);
    let room = Arc::new(Semaphore::new(12));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..requests {
        let request = any(&mut random);
        let leaves = (random.below(5) == 0).then(|| random.below(20));
        let place = room.clone().acquire_owned().await.unwrap();
        let (engine, model) = (engine.clone(), model.clone());
        tasks.spawn(async move {
            let mut events = engine.submit(request.clone()).await.unwrap();
            if let Some(after) = leaves {
                for _ in 0..after {
                    events.recv().await;
                }
                return None;
            }
            let written = read(events, request.choices as usize).await;
            drop(place);
            let check = move || {
                let most = request.max_tokens.unwrap();
                let expected = (0..request.choices).map(|choice| reference(&model, &request, choice, most));
                written.iter().zip(expected).all(|(written, expected)| {
                    let Some(Ok(end)) = &written.end else { return false };
                    // The token that ends a text is counted but not sent.
                    let sent = &expected[..written.tokens.len().min(expected.len())];
                    end.usage.completion_tokens == expected.len()
                        && written.ids() == sent
                        && expected.len() - sent.len() <= usize::from(end.reason != StopReason::Length)
                })
            };
            Some(tokio::task::spawn_blocking(check).await.unwrap())
        });
    }
    let outcomes: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    (outcomes.iter().filter(|matching| **matching).count(), outcomes.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_requests_that_join_and_leave_are_answered_as_if_alone() {
    let engine = engine(&tiny::model(), SETTINGS, |_| ());
    let (matching, all) = matching(&engine, 1, 200).await;
    assert!(all > 120);
    assert_eq!(matching, all);
    settled(&engine).await;
    let page = crate::language::render(&[("tiny", engine.metrics())]);
    for proof in ["gen_ai_token_type=\"cached\"", "cortex_inference_preempted_total"] {
        let line = page.lines().find(|line| line.contains(proof)).unwrap();
        assert!(!line.ends_with(" 0"), "the test tests nothing: {line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_index_that_is_off_by_one_is_noticed() {
    let shifted = |segments: &mut Vec<Segment<'_>>| {
        for segment in segments.iter_mut().filter(|segment| segment.start >= 2 * cortex_batch::BLOCK) {
            // The segment reads its beginning from the next block.
            let blocks = [&segment.blocks[1..2], &segment.blocks[1..]].concat();
            segment.blocks = blocks.leak();
        }
    };
    let engine = engine(&tiny::model(), SETTINGS, shifted);
    let (matching, all) = matching(&engine, 1, 60).await;
    assert!(matching < all * 9 / 10, "{matching} of {all} did not notice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_gives_the_same_text_under_load() {
    let engine = engine(&tiny::model(), SETTINGS, |_| ());
    let mut request = super::request("Once upon a time there was a small model that");
    (request.sampling.seed, request.max_tokens, request.sampling.logprobs) = (99, Some(80), Some(0));
    let quiet = write(&engine, request.clone()).await;
    let noise = engine.clone();
    let noise = tokio::spawn(async move { matching(&noise, 5, 40).await });
    for _ in 0..5 {
        let busy = write(&engine, request.clone()).await;
        assert_eq!((&busy.text, busy.ids()), (&quiet.text, quiet.ids()));
    }
    noise.await.unwrap();
}
