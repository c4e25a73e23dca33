//! Receipts, log-probabilities and metrics.

use std::ops::ControlFlow::Continue;

use super::{SETTINGS, engine, identity, request, settled, tiny, write};
use crate::language::{ComputeDevice, Engine, PlacedModel, PlacementError, render};
use crate::{Device, Dtype};

#[tokio::test]
async fn a_receipt_says_how_the_answer_was_made() {
    let engine = engine(&tiny::model(), SETTINGS, |_| ());
    let mut asked = request(&"x".repeat(100));
    (asked.max_tokens, asked.ignore_ends, asked.sampling.seed) = (Some(10), true, 42);
    write(&engine, asked.clone()).await;
    let end = write(&engine, asked).await.whole().clone();
    let receipt = serde_json::to_value(&end.receipt).unwrap();
    assert_eq!(receipt["model"], "tiny");
    assert_eq!(receipt["quantisation"], "F32");
    assert_eq!(receipt["device"], "cpu");
    assert_eq!(receipt["sampler"]["seed"], 42);
    assert_eq!(receipt["usage"]["prompt_tokens"], 100);
    assert_eq!(receipt["usage"]["completion_tokens"], 10);
    assert_eq!(receipt["usage"]["cached_tokens"], 96);
    for time in ["queue_ms", "prefill_ms", "decode_ms"] {
        assert!(receipt["times"][time].as_f64().unwrap() >= 0.0);
    }
}

#[tokio::test]
async fn every_token_has_its_probability_and_the_most_likely_tokens() {
    let engine = engine(&tiny::model(), SETTINGS, |_| ());
    let mut asked = request("hello");
    (asked.max_tokens, asked.ignore_ends) = (Some(12), true);
    (asked.sampling.temperature, asked.sampling.logprobs) = (0.0, Some(3));
    let written = write(&engine, asked).await;
    assert_eq!(written.tokens.len(), 12);
    for token in &written.tokens {
        assert_eq!(token.top.len(), 3);
        assert_eq!((token.id, token.logprob), (token.top[0].id, token.top[0].logprob));
        assert!(token.logprob <= 0.0);
    }
}

#[tokio::test]
async fn the_metrics_count_what_was_done() {
    let engine = engine(&tiny::model(), SETTINGS, |_| ());
    let mut asked = request("hello");
    (asked.max_tokens, asked.ignore_ends) = (Some(12), true);
    write(&engine, asked).await;
    let page = render(&[("tiny", engine.metrics())]);
    let model = "gen_ai_response_model=\"tiny\"";
    for line in [
        format!("gen_ai_server_time_to_first_token_seconds_count{{{model}}} 1"),
        format!("gen_ai_server_time_per_output_token_seconds_count{{{model}}} 11"),
        format!("gen_ai_server_token_usage_total{{{model},gen_ai_token_type=\"input\"}} 5"),
        format!("gen_ai_server_token_usage_total{{{model},gen_ai_token_type=\"output\"}} 12"),
        format!("cortex_inference_answers_total{{{model},outcome=\"length\"}} 1"),
        format!("cortex_inference_batch_sequences_sum{{{model}}} 12"),
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
}

#[tokio::test]
async fn an_engine_makes_a_cache_of_as_many_blocks_as_it_has_bytes_for() {
    let on = ComputeDevice::open(Device::Cpu, Some(Dtype::F16)).unwrap();
    let place =
        |bytes| PlacedModel::new(tiny::make(), &on, Some(bytes), SETTINGS.running, &mut |_| Continue(()));
    let refused = place(1).unwrap_err();
    let PlacementError::CacheTooSmall { block, .. } = refused else { panic!("{refused}") };
    assert!(place(block - 1).is_err());
    let placed = place(5 * block + 1).unwrap();
    let engine = Engine::start(placed, tiny::tokenizer(), identity(), &SETTINGS).unwrap();
    assert_eq!(engine.longest(), 5 * 32 + 1);
    let mut asked = request("hello");
    asked.ignore_ends = true;
    let written = write(&engine, asked).await;
    assert_eq!(written.whole().usage.completion_tokens, engine.longest() - 5);
    settled(&engine).await;
    assert_eq!(engine.metrics().now().blocks, 5);
}
