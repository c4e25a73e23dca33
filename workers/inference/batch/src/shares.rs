//! How much of the cache each scope has, and whose blocks are taken when there are no others.
//!
//! The scope with the most blocks gives up the one that it has not used for longest. So a tenant that computes much
//! evicts its own texts once it has more than any other, and can't push the others below an equal share. The shared
//! part serves all: it gives way only while it is the largest and has the oldest.

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
    /// Blocks that nobody holds, by when they were released, oldest first. A block is released after those that follow
    /// it in the text, so that what is evicted first is the end of a text and not its beginning.
    idle: BTreeMap<u64, u32>,
}

/// A scope's oldest idle block.
#[derive(Debug, Clone, Copy)]
struct Oldest {
    block: u32,
    released: u64,
    /// What its scope has.
    of: usize,
}

impl Shares {
    pub(crate) fn idle(&self) -> usize {
        self.idle
    }

    pub(crate) fn gain(&mut self, scope: &Scope) {
        self.shares.entry(scope.clone()).or_default().blocks += 1;
    }

    pub(crate) fn lose(&mut self, scope: &Scope) {
        let Some(share) = self.shares.get_mut(scope) else { return };
        share.blocks -= 1;
        if share.blocks == 0 {
            self.shares.remove(scope);
        }
    }

    /// A block of a scope is held by nobody from now on.
    pub(crate) fn rest(&mut self, scope: &Scope, released: u64, block: u32) {
        if let Some(share) = self.shares.get_mut(scope) {
            share.idle.insert(released, block);
            self.idle += 1;
        }
    }

    /// A block that was released then is held again.
    pub(crate) fn wake(&mut self, scope: &Scope, released: u64) {
        let woken = self.shares.get_mut(scope).and_then(|share| share.idle.remove(&released));
        self.idle -= usize::from(woken.is_some());
    }

    /// The idle block to be taken next.
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
    fn oldest(&self) -> Option<Oldest> {
        let (&released, &block) = self.idle.first_key_value()?;
        Some(Oldest { block, released, of: self.blocks })
    }
}

#[cfg(test)]
impl Shares {
    /// The idle blocks of all scopes.
    pub(crate) fn idle_blocks(&self) -> impl Iterator<Item = u32> {
        self.shares.values().flat_map(|share| share.idle.values().copied())
    }

    /// What each scope has.
    pub(crate) fn sizes(&self) -> BTreeMap<Scope, usize> {
        self.shares.iter().map(|(scope, share)| (scope.clone(), share.blocks)).collect()
    }
}
