//! How many blocks each scope has, and which block is evicted next.
//!
//! The scope with the most blocks gives up its least recently used one. So a tenant that computes
//! much evicts its own texts once it has more than any other, and can't push the others below an
//! equal share. The shared scope serves all tenants. It gives up a block only while it is the
//! largest scope and has the oldest block.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::scope::Scope;

#[derive(Debug, Default)]
pub(crate) struct Shares {
    shares: BTreeMap<Scope, Share>,
    idle: usize,
}

#[derive(Debug, Default)]
struct Share {
    /// All blocks, held or idle.
    blocks: usize,
    /// Idle blocks by the time of their release, oldest first. A block is released after those that
    /// follow it in the text, so the end of a text is evicted before its beginning.
    idle: BTreeMap<u64, u32>,
}

/// The oldest idle block of a scope.
#[derive(Debug, Clone, Copy)]
struct IdleBlock {
    block: u32,
    released: u64,
    /// How many blocks its scope has.
    of: usize,
}

impl Shares {
    pub(crate) fn idle(&self) -> usize {
        self.idle
    }

    pub(crate) fn add_block(&mut self, scope: &Scope) {
        self.shares.entry(scope.clone()).or_default().blocks += 1;
    }

    pub(crate) fn remove_block(&mut self, scope: &Scope) {
        let Some(share) = self.shares.get_mut(scope) else { return };
        share.blocks -= 1;
        if share.blocks == 0 {
            self.shares.remove(scope);
        }
    }

    /// Marks a block of a scope as idle.
    pub(crate) fn mark_idle(&mut self, scope: &Scope, released: u64, block: u32) {
        if let Some(share) = self.shares.get_mut(scope) {
            share.idle.insert(released, block);
            self.idle += 1;
        }
    }

    /// Marks an idle block, released at that time, as held.
    pub(crate) fn mark_held(&mut self, scope: &Scope, released: u64) {
        let woken = self.shares.get_mut(scope).and_then(|share| share.idle.remove(&released));
        self.idle -= usize::from(woken.is_some());
    }

    /// Returns the idle block to evict next.
    pub(crate) fn victim(&self) -> Option<u32> {
        let shared = self.shares.get(&Scope::Shared).and_then(Share::oldest);
        let tenants = self.shares.iter().filter(|(scope, _)| **scope != Scope::Shared);
        let largest = tenants
            .filter_map(|(_, share)| share.oldest())
            .max_by_key(|oldest| (oldest.of, Reverse(oldest.released)));
        let victim = match (largest, shared) {
            (Some(largest), Some(shared)) if shared.of > largest.of && shared.released < largest.released => {
                shared
            }
            (Some(largest), _) => largest,
            (None, shared) => shared?,
        };
        Some(victim.block)
    }
}

impl Share {
    fn oldest(&self) -> Option<IdleBlock> {
        let (&released, &block) = self.idle.first_key_value()?;
        Some(IdleBlock { block, released, of: self.blocks })
    }
}

#[cfg(test)]
impl Shares {
    /// Returns the idle blocks of all scopes.
    pub(crate) fn idle_blocks(&self) -> impl Iterator<Item = u32> {
        self.shares.values().flat_map(|share| share.idle.values().copied())
    }

    /// Returns the number of blocks in each scope.
    pub(crate) fn sizes(&self) -> BTreeMap<Scope, usize> {
        self.shares.iter().map(|(scope, share)| (scope.clone(), share.blocks)).collect()
    }
}
