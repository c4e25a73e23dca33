//! Calls in work, shared out in rounds.

use super::queue::Call;
use super::text::Tokens;
use super::{EmbedError, Embeddings};

/// The calls that are being computed.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    active: Vec<Active>,
    last_id: u64,
}

#[derive(Debug)]
struct Active {
    id: u64,
    call: Call,
    /// Taken from the front, as rounds come.
    waiting: std::vec::IntoIter<Tokens>,
    vectors: Vec<Vec<f32>>,
    left: usize,
    tokens: usize,
}

/// A text of a round.
#[derive(Debug)]
pub(super) struct Picked {
    call: u64,
    text: usize,
    pub(super) tokens: Tokens,
}

impl Rounds {
    pub(super) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    pub(super) fn admit(&mut self, call: Call, texts: Vec<Tokens>) {
        if texts.is_empty() {
            return call.answer(Ok(Embeddings { vectors: Vec::new(), tokens: 0 }));
        }
        self.last_id += 1;
        self.active.push(Active {
            id: self.last_id,
            call,
            vectors: vec![Vec::new(); texts.len()],
            left: texts.len(),
            tokens: texts.iter().map(Vec::len).sum(),
            waiting: texts.into_iter(),
        });
    }

    /// Forgets the calls whose callers have gone.
    pub(super) fn drop_gone(&mut self) {
        self.active.retain(|active| !active.call.is_gone());
    }

    /// Takes the next round's texts: one of each call in turn, until there are `budget` tokens.
    pub(super) fn next(&mut self, budget: usize) -> Vec<Picked> {
        let mut picked = Vec::new();
        let mut tokens = 0;
        loop {
            let before = picked.len();
            for active in &mut self.active {
                if tokens >= budget {
                    break;
                }
                let text = active.vectors.len() - active.waiting.len();
                if let Some(next) = active.waiting.next() {
                    tokens += next.len();
                    picked.push(Picked { call: active.id, text, tokens: next });
                }
            }
            if picked.len() == before {
                // Whoever was served last comes first next time.
                let served = picked.len().min(self.active.len());
                self.active.rotate_left(served);
                return picked;
            }
        }
    }

    /// Puts a vector in its place and answers the call when it was the last.
    pub(super) fn place(&mut self, picked: &Picked, vector: Vec<f32>) {
        let Some(at) = self.active.iter().position(|active| active.id == picked.call) else { return };
        let active = &mut self.active[at];
        active.vectors[picked.text] = vector;
        active.left -= 1;
        if active.left == 0 {
            let Active { call, vectors, tokens, .. } = self.active.remove(at);
            call.answer(Ok(Embeddings { vectors, tokens }));
        }
    }

    /// Fails the call of a text that the device could not compute.
    pub(super) fn fail(&mut self, picked: &Picked, reason: &str) {
        if let Some(at) = self.active.iter().position(|active| active.id == picked.call) {
            self.active.remove(at).call.answer(Err(EmbedError::Device(reason.into())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::queue::Queue;

    #[test]
    fn a_round_takes_of_each_call_in_turn() {
        let (queue, mut calls) = Queue::new();
        let mut rounds = Rounds::default();
        let mut answers = Vec::new();
        for texts in [100, 2] {
            answers.push(queue.push(vec![String::new(); texts]).unwrap());
            rounds.admit(calls.try_recv().unwrap(), vec![vec![0; 10]; texts]);
        }
        let round = rounds.next(60);
        let of: Vec<u64> = round.iter().map(|picked| picked.call).collect();
        assert_eq!(of, [1, 2, 1, 2, 1, 1]);
        for picked in &round {
            rounds.place(picked, vec![1.0]);
        }
        assert!(answers[0].try_recv().is_err());
        let small = answers[1].try_recv().unwrap().unwrap();
        assert_eq!((small.vectors.len(), small.tokens), (2, 20));
    }

    #[test]
    fn a_call_whose_caller_is_gone_is_dropped() {
        let (queue, mut calls) = Queue::new();
        let mut rounds = Rounds::default();
        let answer = queue.push(vec!["a".into()]).unwrap();
        rounds.admit(calls.try_recv().unwrap(), vec![vec![0]]);
        drop(answer);
        rounds.drop_gone();
        assert!(rounds.is_empty());
    }
}
