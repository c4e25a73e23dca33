//! Our vectors against those of sentence-transformers, on fifty texts of many languages and lengths.

#![allow(clippy::unwrap_used)]

mod model;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cortex_inference::Device;
use cortex_inference::embed::Embedder;
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    max_seq_length: usize,
    texts: Vec<Text>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    /// Floats, little endian, in base64.
    vector: String,
}

fn reference() -> (usize, Vec<String>, Vec<Vec<f32>>) {
    let reference: Reference = serde_json::from_str(include_str!("reference/embeddings.json")).unwrap();
    let floats = |vector: &str| -> Vec<f32> {
        let bytes = STANDARD.decode(vector).unwrap();
        bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    };
    let vectors = reference.texts.iter().map(|text| floats(&text.vector)).collect();
    (reference.max_seq_length, reference.texts.into_iter().map(|text| text.text).collect(), vectors)
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn load(threads: usize) -> Embedder {
    load_on(Device::Cpu, threads)
}

fn load_on(device: Device, threads: usize) -> Embedder {
    Embedder::load(&model::dir(), device, threads.try_into().unwrap()).unwrap()
}

#[tokio::test]
async fn vectors_equal_those_of_sentence_transformers() {
    equal_those_of_sentence_transformers(Device::Cpu).await;
}

/// The graph is the one that runs on an accelerator.
#[tokio::test]
async fn candles_vectors_equal_those_of_sentence_transformers() {
    equal_those_of_sentence_transformers(Device::Candle).await;
}

async fn equal_those_of_sentence_transformers(device: Device) {
    let (max_tokens, texts, expected) = reference();
    assert_eq!(texts.len(), 50);
    let embedder = load_on(device, 2);
    assert_eq!((embedder.about().max_tokens, embedder.about().dimensions), (max_tokens, 384));

    let together = embedder.embed(texts.clone()).await.unwrap();
    for (at, text) in texts.iter().enumerate() {
        let alone = embedder.embed(vec![text.clone()]).await.unwrap();
        for found in [&together.vectors[at], &alone.vectors[0]] {
            let cosine = cosine(found, &expected[at]);
            assert!(cosine >= 0.999_99, "{cosine} for {text:?}");
            let length = found.iter().map(|x| x * x).sum::<f32>().sqrt();
            assert!((length - 1.0).abs() < 1e-5, "length {length} for {text:?}");
        }
    }
}

#[tokio::test]
async fn callers_that_share_a_round_get_their_own_vectors() {
    let (_, texts, expected) = reference();
    let embedder = load(2);
    let calls: Vec<_> = texts
        .chunks(3)
        .map(|texts| {
            let (embedder, texts) = (embedder.clone(), texts.to_vec());
            tokio::spawn(async move { embedder.embed(texts).await })
        })
        .collect();
    for (call, expected) in calls.into_iter().zip(expected.chunks(3)) {
        let found = call.await.unwrap().unwrap().vectors;
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(found, expected)| cosine(found, expected) > 0.9999));
    }
}

#[tokio::test]
async fn a_cancelled_call_makes_room_for_the_next() {
    let embedder = load(1);
    let long = "word ".repeat(400);
    let slow = tokio::spawn({
        let embedder = embedder.clone();
        async move { embedder.embed(vec![long; 300]).await }
    });
    tokio::task::yield_now().await;
    let first = embedder.embed(vec!["first".into()]).await.unwrap();
    assert!(!slow.is_finished());
    slow.abort();
    let second = embedder.embed(vec!["first".into()]).await.unwrap();
    assert_eq!(first, second);
}
