//! A reference for answers: generates one token at a time, with its own cache and without the
//! engine.

use cortex_batch::BLOCK;
use cortex_grammar::{Compiler, Mask};
use cortex_sample::{Sampler, Sampling};
use cortex_transformer::{Cache, LogitsFor, Model, Segment, Store};

use super::tiny;
use crate::language::Request;
use crate::language::engine::vocabulary;

/// Returns the tokens of one of a request's answers, including the one that ends it.
pub(super) fn reference(model: &Model, request: &Request, choice: u32, most: usize) -> Vec<u32> {
    let tokenizer = tiny::tokenizer();
    let length = request.prompt.len() + most;
    let blocks: Vec<u32> = (0..u32::try_from(length.div_ceil(BLOCK)).unwrap()).collect();
    let mut cache = Cache::new(model.shape(), blocks.len(), Store::F32).unwrap();
    let mut sampler = Sampler::new(Sampling { choice, ..request.sampling.clone() }, &request.prompt);
    let mut constraint = request.grammar.as_ref().map(|grammar| {
        let compiler = Compiler::new(vocabulary(&tokenizer), cortex_grammar::Limits::default()).unwrap();
        compiler.compile(&grammar.rule).unwrap()
    });
    let mut text = request.prompt.clone();
    let mut computed = 0;
    while text.len() < length {
        let segment = Segment {
            tokens: &text[computed..],
            start: computed,
            blocks: &blocks,
            logits_for: LogitsFor::Last,
        };
        let mut logits = model.forward(&mut cache, &[segment]).unwrap();
        computed = text.len();
        let mut mask = Mask::new();
        if let Some(constraint) = &mut constraint {
            constraint.mask(&mut mask).unwrap();
        }
        let allowed = constraint.as_ref().map(|_| mask.words());
        let token = sampler.sample(&mut logits, allowed).unwrap().token;
        text.push(token);
        if let Some(constraint) = &mut constraint {
            constraint.accept(token).unwrap();
            if constraint.is_stopped() {
                break;
            }
        }
        if tokenizer.ends().contains(&token) {
            break;
        }
    }
    text.split_off(request.prompt.len())
}
