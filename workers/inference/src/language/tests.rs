//! The engine on a tiny model with random weights, and on one with scripted logits.

mod batching;
mod devices;
mod ends;
mod load;
mod loading;
mod random;
mod receipts;
mod reference;
pub(crate) mod tiny;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cortex_batch::BLOCK;
use cortex_transformer::{Cache, Model, Segment, Store};
use tokio::sync::mpsc::Receiver;

use super::network::Network;
use super::{AnswerEnd, AnswerError, Engine, Event, Identity, PlacedModel, Request, Settings, Token};

const SETTINGS: Settings = Settings { running: 8, waiting: 400, step_tokens: 48, events: 4096 };
const BLOCKS: usize = 40;
/// Longer than any wait in these tests.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

fn identity() -> Identity {
    Identity {
        model: "tiny".into(),
        sha256: None,
        quantisation: "F32".into(),
        device: "cpu".into(),
        dtype: "f32".into(),
    }
}

fn request(prompt: &str) -> Request {
    Request::new("a".into(), prompt.bytes().map(u32::from).collect())
}

/// Returns an engine on `model`. The test may change the segments before they reach the cache.
fn engine(
    model: &Arc<Model>,
    settings: Settings,
    mut between: impl FnMut(&mut Vec<Segment<'_>>) + Send + 'static,
) -> Engine {
    let mut cache = Cache::new(model.shape(), BLOCKS, Store::F32).unwrap();
    let (shape, model) = (model.shape(), Arc::clone(model));
    let network = Network::of(shape.vocabulary, move |segments| {
        let mut segments = segments.to_vec();
        between(&mut segments);
        model.forward(&mut cache, &segments).map_err(|error| error.to_string())
    });
    let placed = PlacedModel { network, blocks: BLOCKS, context: shape.context, bytes: 0 };
    Engine::start(placed, tiny::tokenizer(), identity(), &settings).unwrap()
}

/// Returns an engine with logits from a function of a segment.
fn engine_of(
    settings: Settings,
    mut logits: impl FnMut(&Segment<'_>) -> Result<Vec<f32>, String> + Send + 'static,
) -> Engine {
    let tokenizer = tiny::tokenizer();
    let vocabulary = tokenizer.vocabulary();
    let network = Network::of(vocabulary, move |segments| {
        let mut all = Vec::new();
        for segment in segments {
            let logits = logits(segment)?;
            if segment.logits_for == cortex_transformer::LogitsFor::Last {
                all.extend(logits);
            }
        }
        Ok(all)
    });
    let placed = PlacedModel { network, blocks: BLOCKS, context: BLOCKS * BLOCK, bytes: 1 << 20 };
    Engine::start(placed, tokenizer, identity(), &settings).unwrap()
}

/// Returns logits that make a token certain.
fn only(token: u32) -> Vec<f32> {
    let mut logits = vec![0.0; tiny::VOCABULARY];
    logits[token as usize] = 1000.0;
    logits
}

/// The collected events of one answer.
#[derive(Debug, Default)]
struct Collected {
    text: String,
    tokens: Vec<Token>,
    end: Option<Result<AnswerEnd, AnswerError>>,
}

impl Collected {
    fn whole(&self) -> &AnswerEnd {
        self.end.as_ref().expect("it ended").as_ref().expect("it did not fail")
    }

    fn failure(&self) -> &AnswerError {
        self.end.as_ref().expect("it ended").as_ref().expect_err("it failed")
    }

    fn ids(&self) -> Vec<u32> {
        self.tokens.iter().map(|token| token.id).collect()
    }
}

/// Reads all answers to their ends.
async fn read(mut events: Receiver<Event>, choices: usize) -> Vec<Collected> {
    let mut written: Vec<_> = (0..choices).map(|_| Collected::default()).collect();
    while let Some(event) = tokio::time::timeout(WAIT_TIMEOUT, events.recv()).await.expect("an event comes") {
        match event {
            Event::Text { choice, text, tokens, .. } => {
                let written = &mut written[choice as usize];
                assert!(written.end.is_none(), "text after the end");
                written.text += &text;
                written.tokens.extend(tokens);
            }
            Event::Parts { .. } => panic!("these are texts"),
            Event::Ended(end) => {
                let choice = end.choice as usize;
                assert!(written[choice].end.replace(Ok(*end)).is_none());
            }
            Event::Failed { choice, error } => {
                assert!(written[choice as usize].end.replace(Err(error)).is_none());
            }
        }
    }
    written
}

async fn write(engine: &Engine, request: Request) -> Collected {
    let events = engine.submit(request).await.expect("it is taken");
    read(events, 1).await.remove(0)
}

/// Waits until nothing runs or waits and no sequence holds a block.
async fn settled(engine: &Engine) {
    let since = Instant::now();
    loop {
        let now = engine.metrics().now();
        if (now.running, now.waiting, now.held) == (0, 0, 0) {
            return;
        }
        assert!(since.elapsed() < WAIT_TIMEOUT, "something is still held: {now:?}");
        tokio::task::yield_now().await;
    }
}

/// Returns an engine that answers every prompt with `script`.
pub(crate) fn scripted(script: &str) -> Engine {
    gated(script, || ())
}

/// Like [`scripted`], but each step first waits for a gate.
pub(crate) fn gated(script: &str, mut gate: impl FnMut() + Send + 'static) -> Engine {
    let script = script.as_bytes().to_vec();
    let settings = Settings { step_tokens: 4096, ..SETTINGS };
    let mut prompts = std::collections::HashMap::new();
    engine_of(settings, move |segment| {
        gate();
        // A sequence's first segment is its whole prompt, and its last block belongs to it alone.
        let length = segment.start + segment.tokens.len();
        let prompt = if segment.start == 0 { length } else { prompts[&segment.blocks[0]] };
        prompts.insert(segment.blocks[0], prompt);
        let next = script.get(length - prompt).map_or(257, |byte| usize::from(*byte));
        Ok((0..tiny::VOCABULARY).map(|token| if token == next { 9.0 } else { 0.0 }).collect())
    })
}
