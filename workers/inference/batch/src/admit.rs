//! Admission: which waiting sequences start to run.

use std::collections::HashSet;
use std::time::Duration;

use crate::batch::Batch;
use crate::blocks::{BLOCK, Content, PrefixId};
use crate::plan::Plan;
use crate::scope::Tenant;
use crate::sequence::{KvPlace, Sequence, SequenceId, State};

/// How many of a tenant's sequences to skip while they wait for blocks that others compute.
const MAX_SKIPPED: usize = 64;

/// The beginning of a sequence that is in the cache.
#[derive(Debug)]
struct CachedPrefix {
    blocks: Vec<u32>,
    prefix: PrefixId,
    /// How many of the blocks no sequence holds.
    idle: usize,
}

impl Batch {
    /// Admits sequences in their tenants' turns while there is room. If the next one doesn't fit,
    /// no other one overtakes it.
    pub(crate) fn admit(&mut self, now: Duration, plan: &mut Plan) {
        let before = plan.admitted.len();
        let mut may_exchange = true;
        while let Some((tenant, id)) = self.next_in_turn() {
            if self.start(id) {
                plan.admitted.push(id);
            } else if may_exchange && let Some(other) = self.tenants.preemption_victim(&tenant) {
                self.preempt(other, plan);
                may_exchange = false;
            } else {
                break;
            }
        }
        let left = u32::try_from(plan.admitted.len().saturating_sub(before)).unwrap_or(u32::MAX);
        self.pace.record(now, left, self.sequences.len() > self.running.len());
    }

    /// Returns the next sequence of the tenant with the least service. A sequence is skipped if
    /// another one is computing its next block, because it can soon share that block.
    fn next_in_turn(&self) -> Option<(Tenant, SequenceId)> {
        let mut coming = None;
        self.tenants.by_turn().into_iter().find_map(|tenant| {
            let waiting = &self.tenants.account(&tenant)?.waiting;
            let coming = coming.get_or_insert_with(|| self.coming());
            let ready = waiting.iter().take(MAX_SKIPPED).find(|id| !self.is_coming(coming, **id)).copied();
            Some((tenant, ready?))
        })
    }

    /// Returns the contents that running prompts will complete next.
    fn coming(&self) -> HashSet<Content> {
        let prompts = self.running().filter_map(|(_, sequence)| {
            let place = sequence.place()?;
            let content = sequence.next_content(place.registered, place.prefix)?;
            (place.computed < (place.registered + 1) * BLOCK).then_some(content)
        });
        prompts.collect()
    }

    fn is_coming(&self, coming: &HashSet<Content>, id: SequenceId) -> bool {
        let Some(sequence) = self.sequences.get(&id).filter(|_| !coming.is_empty()) else { return false };
        let found = self.find(sequence);
        let next = found.blocks.len();
        (next + 1) * BLOCK < sequence.tokens.len()
            && sequence.next_content(next, found.prefix).is_some_and(|content| coming.contains(&content))
    }

    /// Starts a sequence if there is a free place, and room for every running sequence to grow by a
    /// block.
    fn start(&mut self, id: SequenceId) -> bool {
        let Some(sequence) = self.sequences.get(&id) else { return false };
        let (found, scope) = (self.find(sequence), sequence.scope());
        let new = sequence.blocks_to_start() - found.blocks.len();
        let available = self.blocks.available() - found.idle;
        if self.running.len() >= self.limits.running || new + self.running.len() > available {
            return false;
        }
        let CachedPrefix { mut blocks, prefix, .. } = found;
        let registered = blocks.len();
        blocks.iter().for_each(|block| self.blocks.hold(*block));
        blocks.extend((0..new).map_while(|_| self.blocks.take(&scope)));
        let tokens = registered * BLOCK;
        let place = KvPlace { blocks, computed: tokens, found: tokens, registered, prefix };
        if let Some(sequence) = self.sequences.get_mut(&id) {
            sequence.state = State::Running(place);
            sequence.charged = sequence.charged.max(tokens);
            self.tenants.started(&sequence.tenant, id);
            self.running.insert(id);
        }
        true
    }

    /// Returns the full blocks at the beginning of a sequence. At least one token is left out,
    /// because the last one must be computed to predict the next.
    fn find(&self, sequence: &Sequence) -> CachedPrefix {
        let mut found = CachedPrefix { blocks: Vec::new(), prefix: PrefixId::EMPTY, idle: 0 };
        let most = (sequence.tokens.len() - 1) / BLOCK;
        while found.blocks.len() < most
            && let Some(content) = sequence.next_content(found.blocks.len(), found.prefix)
            && let Some((block, prefix)) = self.blocks.find(&content)
        {
            found.blocks.push(block);
            found.prefix = prefix;
            found.idle += usize::from(self.blocks.is_idle(block));
        }
        found
    }
}
