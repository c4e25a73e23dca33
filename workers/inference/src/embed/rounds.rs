//! Active calls, whose texts are computed in rounds.

use super::queue::Call;
use super::text::Tokens;
use super::{EmbedError, Embeddings};

/// The calls that are being computed.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    active: Vec<ActiveCall>,
    last_id: u64,
    /// Which tenant comes first in the next round.
    turn: usize,
}

#[derive(Debug)]
struct ActiveCall {
    id: u64,
    call: Call,
    /// The texts that are left, in order.
    waiting: std::vec::IntoIter<Tokens>,
    vectors: Vec<Vec<f32>>,
    left: usize,
    tokens: usize,
    truncated: Vec<usize>,
}

/// A text of a round.
#[derive(Debug)]
pub(super) struct RoundText {
    call: u64,
    text: usize,
    pub(super) tokens: Tokens,
}

impl Rounds {
    pub(super) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    pub(super) fn admit(&mut self, mut call: Call) {
        let texts = std::mem::take(&mut call.texts);
        let truncated =
            texts.iter().enumerate().filter(|(_, text)| text.truncated).map(|(index, _)| index).collect();
        let texts: Vec<Tokens> = texts.into_iter().map(|text| text.tokens).collect();
        if texts.is_empty() {
            return call.answer(Ok(Embeddings { vectors: Vec::new(), tokens: 0, truncated }));
        }
        self.last_id += 1;
        self.active.push(ActiveCall {
            id: self.last_id,
            call,
            vectors: vec![Vec::new(); texts.len()],
            left: texts.len(),
            tokens: texts.iter().map(Vec::len).sum(),
            waiting: texts.into_iter(),
            truncated,
        });
    }

    /// Drops the calls whose callers have disconnected.
    pub(super) fn drop_disconnected(&mut self) {
        self.active.retain(|active| !active.call.is_disconnected());
    }

    /// Picks the texts of the next round until they have `budget` tokens. The tenants take turns
    /// with one text each. Of a tenant's calls, the one with the fewest texts taken comes first.
    pub(super) fn next(&mut self, budget: usize) -> Vec<RoundText> {
        let mut tenants: Vec<Vec<usize>> = Vec::new();
        for (at, active) in self.active.iter().enumerate() {
            let tenant = active.call.tenant();
            match tenants.iter_mut().find(|calls| self.active[calls[0]].call.tenant() == tenant) {
                Some(calls) => calls.push(at),
                None => tenants.push(vec![at]),
            }
        }
        if !tenants.is_empty() {
            let first = self.turn % tenants.len();
            tenants.rotate_left(first);
        }
        let mut picked = Vec::new();
        let mut tokens = 0;
        loop {
            let before = picked.len();
            for calls in &tenants {
                let waiting = calls.iter().filter(|call| self.active[**call].waiting.len() > 0);
                let Some(&call) = waiting.min_by_key(|call| self.active[**call].taken()) else { continue };
                if tokens >= budget {
                    break;
                }
                let active = &mut self.active[call];
                let text = active.taken();
                if let Some(next) = active.waiting.next() {
                    tokens += next.len();
                    picked.push(RoundText { call: active.id, text, tokens: next });
                }
            }
            if picked.len() == before {
                self.turn = self.turn.wrapping_add(picked.len());
                return picked;
            }
        }
    }

    /// Stores a text's vector, and answers the call if it was the last one.
    pub(super) fn store(&mut self, picked: &RoundText, vector: Vec<f32>) {
        let Some(at) = self.active.iter().position(|active| active.id == picked.call) else { return };
        let active = &mut self.active[at];
        active.vectors[picked.text] = vector;
        active.left -= 1;
        if active.left == 0 {
            let ActiveCall { call, vectors, tokens, truncated, .. } = self.active.remove(at);
            call.answer(Ok(Embeddings { vectors, tokens, truncated }));
        }
    }

    /// Fails the call of a text that the device could not compute.
    pub(super) fn fail(&mut self, picked: &RoundText, reason: &str) {
        if let Some(at) = self.active.iter().position(|active| active.id == picked.call) {
            self.active.remove(at).call.answer(Err(EmbedError::Device(reason.into())));
        }
    }
}

impl ActiveCall {
    /// Returns how many texts are computed or being computed.
    fn taken(&self) -> usize {
        self.vectors.len() - self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::queue::Queue;
    use crate::embed::queue::tests::push;

    #[test]
    fn a_round_takes_of_each_tenant_in_turn() {
        let (queue, mut calls) = Queue::new();
        let mut rounds = Rounds::default();
        let mut answers = Vec::new();
        for (tenant, texts) in [("a", 100), ("a", 100), ("b", 2)] {
            answers.push(push(&queue, tenant, texts).unwrap());
            rounds.admit(calls.try_recv().unwrap());
        }
        let round = rounds.next(70);
        let of: Vec<u64> = round.iter().map(|picked| picked.call).collect();
        assert_eq!(of, [1, 3, 2, 3, 1, 2, 1]);
        for picked in &round {
            rounds.store(picked, vec![1.0]);
        }
        assert!(answers[0].try_recv().is_err());
        let small = answers[2].try_recv().unwrap().unwrap();
        assert_eq!((small.vectors.len(), small.tokens), (2, 20));
    }

    #[test]
    fn the_next_round_begins_where_the_last_one_ended() {
        let (queue, mut calls) = Queue::new();
        let mut rounds = Rounds::default();
        let mut answers = Vec::new();
        for tenant in ["a", "b", "c"] {
            answers.push(push(&queue, tenant, 100).unwrap());
            rounds.admit(calls.try_recv().unwrap());
        }
        let mut of = Vec::new();
        for _ in 0..3 {
            of.extend(rounds.next(20).iter().map(|picked| picked.call));
        }
        assert_eq!(of, [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn a_call_whose_caller_is_gone_is_dropped() {
        let (queue, mut calls) = Queue::new();
        let mut rounds = Rounds::default();
        let answer = push(&queue, "a", 1).unwrap();
        rounds.admit(calls.try_recv().unwrap());
        drop(answer);
        rounds.drop_disconnected();
        assert!(rounds.is_empty());
    }
}
