//! The engine on candle's operations, on the CPU or on the device in `CORTEX_TEST_DEVICE`.

use std::ops::ControlFlow::Continue;
use std::path::Path;

use cortex_api::LoadStep;
use cortex_transformer::{Model, Options};

use super::batching::matching;
use super::random::Random;
use super::{SETTINGS, identity, settled, tiny, write};
use crate::language::{ComputeDevice, Engine, LoadError, LoadOptions, PlacedModel, Request, load, render};
use crate::{Device, Dtype};

/// Sums in another order can change a token when two are equally likely.
const MAX_DIFFERENT: usize = 1;

fn device() -> Device {
    std::env::var("CORTEX_TEST_DEVICE").map_or(Device::Candle, |name| name.parse().unwrap())
}

fn place(model: Model, device: Device) -> Engine {
    let place = ComputeDevice::open(device, Some(Dtype::F32)).unwrap();
    let bytes = cortex_graph::Cache::block_bytes(model.shape(), candle_core::DType::F32) * 40;
    let placed =
        PlacedModel::new(model, &place, Some(bytes), SETTINGS.running, &mut |_| Continue(())).unwrap();
    Engine::start(placed, tiny::tokenizer(), identity(), &SETTINGS).unwrap()
}

fn fixture(name: &str) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("transformer/fixtures").join(name);
    Model::open(&path, &Options::default(), &mut |_| Continue(())).unwrap()
}

/// Returns a request with tokens that both these models and the tests' tokenizer know.
fn greedy(random: &mut Random, tokens: usize) -> Request {
    let prompt = (0..tokens).map(|_| random.below(256) as u32).collect();
    let mut request = Request::new("a".into(), prompt);
    (request.max_tokens, request.ignore_ends) = (Some(24), true);
    (request.sampling.temperature, request.sampling.logprobs) = (0.0, Some(0));
    request
}

#[tokio::test]
async fn candle_writes_the_same_greedy_tokens_as_the_loops_also_with_cached_prompts() {
    for name in ["llama3", "mistral-bf16"] {
        let (loops, candle) = (place(fixture(name), Device::Cpu), place(fixture(name), device()));
        let mut random = Random(1);
        for tokens in [1, 31, 40, 70] {
            let request = greedy(&mut random, tokens);
            let expected = write(&loops, request.clone()).await.ids();
            assert_eq!(expected.len(), 24);
            for time in ["first", "second"] {
                let written = write(&candle, request.clone()).await;
                assert_eq!(written.ids(), expected, "{name}: {tokens} tokens, the {time} time");
                let found = if time == "first" { 0 } else { (tokens - 1) / 32 * 32 };
                assert_eq!(written.whole().usage.cached_tokens, found);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_candle_too_requests_that_join_and_leave_are_answered_as_if_alone() {
    let engine = place(tiny::make(), device());
    let (matching, all) = matching(&engine, 1, 80).await;
    assert!(all > 40);
    assert!(matching + MAX_DIFFERENT >= all, "{matching} of {all}");
    settled(&engine).await;
    let page = render(&[("tiny", engine.metrics())]);
    let found = page.lines().find(|line| line.contains("gen_ai_token_type=\"cached\"")).unwrap();
    assert!(!found.ends_with(" 0"), "the test tests nothing: {found}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_candle_a_quantised_model_writes_together_what_it_writes_alone() {
    let engine = place(fixture("gguf-qwen3-q8/model.gguf"), device());
    let mut random = Random(2);
    let requests = [3, 40, 17, 64, 1, 33].map(|tokens| greedy(&mut random, tokens));
    let mut reference = Vec::new();
    for request in &requests {
        reference.push(write(&engine, request.clone()).await.ids());
    }
    let together = requests.iter().map(|request| write(&engine, request.clone()));
    let together: Vec<_> =
        futures::future::join_all(together).await.iter().map(super::Collected::ids).collect();
    assert_eq!(together, reference);
}

#[tokio::test]
async fn a_model_is_loaded_onto_candle_in_any_floats_and_reports_them() {
    let folder = tiny::folder();
    for dtype in [Dtype::F32, Dtype::Bf16, Dtype::F16] {
        let options = LoadOptions { device: device(), dtype: Some(dtype), ..LoadOptions::new("tiny") };
        let mut steps = Vec::new();
        let engine = load(folder.path(), &options, &mut |progress| steps.push(progress)).unwrap();
        assert!(steps.contains(&LoadStep::Device { layers: 1, of: 2 }), "{steps:?}");
        let identity = engine.identity();
        assert_eq!((&identity.device, &identity.dtype), (&device().to_string(), &dtype.to_string()));
        let written = write(&engine, greedy(&mut Random(3), 50)).await;
        assert_eq!(written.ids().len(), 24);
    }
}

#[test]
fn a_load_onto_candle_ends_between_layers_when_it_is_cancelled() {
    let folder = tiny::folder();
    let options = LoadOptions { device: device(), ..LoadOptions::new("tiny") };
    let ended = load(folder.path(), &options, &mut |progress| {
        if matches!(progress, LoadStep::Device { layers: 1, .. }) {
            options.cancel.cancel();
        }
    });
    assert!(matches!(ended, Err(LoadError::Cancelled)), "{ended:?}");
}

#[test]
fn auto_is_the_cpu_where_no_accelerator_was_built_in() {
    let place = ComputeDevice::open(Device::Auto, None).unwrap();
    if cfg!(not(any(feature = "cuda", feature = "metal"))) {
        assert_eq!((place.device(), place.dtype()), (Device::Cpu, Dtype::F32));
    }
    assert_eq!(ComputeDevice::open(Device::Candle, None).unwrap().dtype(), Dtype::F32);
}
