//! Compares our vectors with those of sentence-transformers, on fifty texts of many languages and
//! lengths.

#![allow(clippy::unwrap_used)]

mod model;

use std::pin::pin;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cortex_domain::id::Tenant;
use cortex_inference::Device;
use cortex_inference::embed::{EmbedError, Embedder, Embeddings, LongText};
use futures::FutureExt;
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    max_seq_length: usize,
    texts: Vec<Text>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    /// Little-endian floats in base64.
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

fn tenant() -> Tenant {
    "a".parse().unwrap()
}

/// Embeds texts as sentence-transformers does, truncating long ones.
async fn embed(embedder: &Embedder, texts: Vec<String>) -> Result<Embeddings, EmbedError> {
    embedder.embed(&tenant(), texts, LongText::Truncate).await
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

/// Candle's graph is the one that runs on an accelerator.
#[tokio::test]
async fn candles_vectors_equal_those_of_sentence_transformers() {
    equal_those_of_sentence_transformers(Device::Candle).await;
}

async fn equal_those_of_sentence_transformers(device: Device) {
    let (max_tokens, texts, expected) = reference();
    assert_eq!(texts.len(), 50);
    let embedder = load_on(device, 2);
    assert_eq!((embedder.info().max_tokens, embedder.info().dimensions), (max_tokens, 384));

    let together = embed(&embedder, texts.clone()).await.unwrap();
    for (at, text) in texts.iter().enumerate() {
        let alone = embed(&embedder, vec![text.clone()]).await.unwrap();
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
            tokio::spawn(async move { embed(&embedder, texts).await })
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
        async move { embed(&embedder, vec![long; 300]).await }
    });
    tokio::task::yield_now().await;
    let first = embed(&embedder, vec!["first".into()]).await.unwrap();
    assert!(!slow.is_finished());
    slow.abort();
    let second = embed(&embedder, vec!["first".into()]).await.unwrap();
    assert_eq!(first, second);
}

/// Words, blanks, marks and characters that BERT's tokenizer drops, in texts of every length around
/// the maximum.
#[tokio::test]
async fn a_text_that_is_cut_has_the_vector_of_its_beginning() {
    let embedder = load(2);
    let parts = [
        "cat",
        "\u{301}",
        "\u{0}",
        " ",
        "\n",
        "hyper-text",
        "\u{3000}",
        "漢字",
        "[MASK]",
        "!?",
        "ÀÉ",
        "\u{200d}",
        "\t\t",
    ];
    let mut texts = Vec::new();
    for start in 0..parts.len() {
        let text: String = (0..6000).map(|at| parts[(start * 7 + at * (at % 5 + 1)) % parts.len()]).collect();
        texts.push(text);
    }
    texts.push("x".repeat(60_000));
    texts.push(" ".repeat(60_000) + "end");
    let beginning = |text: &str, bytes: usize| text[..text.floor_char_boundary(bytes)].to_owned();
    let all = embed(&embedder, texts.clone()).await.unwrap();
    let cut = embed(&embedder, texts.iter().map(|text| beginning(text, 12_000)).collect()).await.unwrap();
    for (at, text) in texts.iter().enumerate().take(parts.len()) {
        assert!(all.truncated.contains(&at) && cut.truncated.contains(&at), "{:?}", beginning(text, 80));
        assert!(cosine(&all.vectors[at], &cut.vectors[at]) > 0.999_999);
    }
    // A word of any length is one unknown token, and blanks make no tokens.
    assert!(!all.truncated.contains(&parts.len()) && !all.truncated.contains(&(parts.len() + 1)));
}

#[tokio::test]
async fn a_long_text_is_read_beside_the_thread_that_serves() {
    let embedder = load(1);
    let tenant = tenant();
    // While the tenant's turn is taken, its texts wait in the pool and not on this thread.
    let (release, taken) = std::sync::mpsc::channel();
    let mut holder = pin!(embedder.pool().run(tenant.as_str(), move || taken.recv()));
    assert!(holder.as_mut().now_or_never().is_none());
    let mut call = pin!(embedder.embed(&tenant, vec!["a b ".repeat(250_000)], LongText::Reject));
    assert!(call.as_mut().now_or_never().is_none());

    release.send(()).unwrap();
    holder.await.unwrap().unwrap();
    assert_eq!(call.await.unwrap_err(), EmbedError::TooLong { index: 0, most: 256 });
}
