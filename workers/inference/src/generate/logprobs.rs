//! Probabilities as OpenAI's routes tell them.

use std::collections::BTreeMap;

use cortex_guard::api::chat::{LogProbs, TokenLogProb, TopLogProb};
use cortex_guard::api::completions::CompletionLogProbs;

use crate::language::Token;

pub(super) fn of_chat(tokens: &[Token]) -> LogProbs {
    let told = |token: &Token| TokenLogProb {
        token: text(&token.bytes),
        logprob: token.logprob,
        bytes: token.bytes.clone(),
        top_logprobs: token
            .top
            .iter()
            .map(|top| TopLogProb { token: text(&top.bytes), logprob: top.logprob, bytes: top.bytes.clone() })
            .collect(),
    };
    LogProbs { content: tokens.iter().map(told).collect() }
}

/// `offset` is where the first of them begins in the text, in characters.
pub(super) fn of_completion(tokens: &[Token], mut offset: usize) -> CompletionLogProbs {
    let mut told = CompletionLogProbs::default();
    for token in tokens {
        let written = text(&token.bytes);
        told.text_offset.push(offset);
        offset += written.chars().count();
        told.tokens.push(written);
        told.token_logprobs.push(token.logprob);
        let top: BTreeMap<_, _> = token.top.iter().rev().map(|top| (text(&top.bytes), top.logprob)).collect();
        told.top_logprobs.push(top);
    }
    told
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
