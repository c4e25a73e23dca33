//! Who joins.

use std::collections::HashSet;
use std::time::Duration;

use crate::batch::Batch;
use crate::blocks::{BLOCK, Content, Node};
use crate::plan::Plan;
use crate::scope::Tenant;
use crate::sequence::{Place, Sequence, SequenceId, State};

/// How many of a tenant's that wait for others' blocks are passed over.
const LOOKED_AT: usize = 64;

/// The beginning of a text that lies in the cache.
#[derive(Debug)]
struct Found {
    blocks: Vec<u32>,
    node: Node,
    /// How many of the blocks nobody holds.
    idle: usize,
}

impl Batch {
    /// Admits whoever's turn it is while there is room. If the next one doesn't fit, nobody passes it.
    pub(crate) fn admit(&mut self, now: Duration, plan: &mut Plan) {
        let before = plan.admitted.len();
        let mut may_exchange = true;
        while let Some((tenant, id)) = self.next_in_turn() {
            if self.start(id) {
                plan.admitted.push(id);
            } else if may_exchange && let Some(other) = self.tenants.gives_way_to(&tenant) {
                self.preempt(other, plan);
                may_exchange = false;
            } else {
                break;
            }
        }
        let left = u32::try_from(plan.admitted.len().saturating_sub(before)).unwrap_or(u32::MAX);
        self.pace.passed(now, left, self.sequences.len() > self.running.len());
    }

    /// The next sequence of the tenant that has had least. One whose next block is just being computed by another is
    /// passed over: soon it can share it.
    fn next_in_turn(&self) -> Option<(Tenant, SequenceId)> {
        let mut coming = None;
        self.tenants.by_turn().into_iter().find_map(|tenant| {
            let waiting = &self.tenants.account(&tenant)?.waiting;
            let coming = coming.get_or_insert_with(|| self.coming());
            let ready = waiting.iter().take(LOOKED_AT).find(|id| !self.is_coming(coming, **id)).copied();
            Some((tenant, ready?))
        })
    }

    /// What running prompts will have computed next.
    fn coming(&self) -> HashSet<Content> {
        let prompts = self.running().filter_map(|(_, sequence)| {
            let place = sequence.place()?;
            let content = sequence.next_content(place.named, place.node)?;
            (place.computed < (place.named + 1) * BLOCK).then_some(content)
        });
        prompts.collect()
    }

    fn is_coming(&self, coming: &HashSet<Content>, id: SequenceId) -> bool {
        let Some(sequence) = self.sequences.get(&id).filter(|_| !coming.is_empty()) else { return false };
        let found = self.find(sequence);
        let next = found.blocks.len();
        (next + 1) * BLOCK < sequence.tokens.len()
            && sequence.next_content(next, found.node).is_some_and(|content| coming.contains(&content))
    }

    /// Gives a sequence its place, if there is one and room for those that run to grow by a block each.
    fn start(&mut self, id: SequenceId) -> bool {
        let Some(sequence) = self.sequences.get(&id) else { return false };
        let (found, scope) = (self.find(sequence), sequence.scope());
        let new = sequence.blocks_to_start() - found.blocks.len();
        let available = self.blocks.available() - found.idle;
        if self.running.len() >= self.limits.running || new + self.running.len() > available {
            return false;
        }
        let Found { mut blocks, node, .. } = found;
        let named = blocks.len();
        blocks.iter().for_each(|block| self.blocks.hold(*block));
        blocks.extend((0..new).map_while(|_| self.blocks.take(&scope)));
        let tokens = named * BLOCK;
        let place = Place { blocks, computed: tokens, found: tokens, named, node };
        if let Some(sequence) = self.sequences.get_mut(&id) {
            sequence.state = State::Running(place);
            sequence.charged = sequence.charged.max(tokens);
            self.tenants.started(&sequence.tenant, id);
            self.running.insert(id);
        }
        true
    }

    /// The full blocks that a text begins with, at least one token short of all: the last one must be computed to
    /// tell what follows.
    fn find(&self, sequence: &Sequence) -> Found {
        let mut found = Found { blocks: Vec::new(), node: Node::ROOT, idle: 0 };
        let most = (sequence.tokens.len() - 1) / BLOCK;
        while found.blocks.len() < most
            && let Some(content) = sequence.next_content(found.blocks.len(), found.node)
            && let Some((block, node)) = self.blocks.find(&content)
        {
            found.blocks.push(block);
            found.node = node;
            found.idle += usize::from(self.blocks.is_idle(block));
        }
        found
    }
}
