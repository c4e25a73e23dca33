//! The blocks of the cache: which sequences hold them, and their content.

use std::collections::HashMap;

use crate::scope::Scope;
use crate::shares::Shares;

/// Tokens whose keys and values share one block.
pub const BLOCK: usize = 32;

/// Identifies all tokens up to the end of one full block. Numbers are never reused, so an id that
/// has outlived its block finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PrefixId(u64);

impl PrefixId {
    pub(crate) const EMPTY: Self = Self(0);
}

/// The content of a full block within a scope: its own tokens, after all tokens before them. It is
/// compared as a whole, so texts with equal hashes never share a block.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Content {
    scope: Scope,
    after: PrefixId,
    tokens: [u32; BLOCK],
}

impl Content {
    /// Returns the content of a full block, or `None` if the tokens don't fill one.
    pub(crate) fn new(scope: Scope, after: PrefixId, tokens: &[u32]) -> Option<Self> {
        Some(Self { scope, after, tokens: tokens.try_into().ok()? })
    }
}

/// Every block is free, held by sequences, or idle. An idle block has no holder but keeps its
/// content until the block is needed.
#[derive(Debug)]
pub(crate) struct Blocks {
    slots: Vec<Slot>,
    free: Vec<u32>,
    shares: Shares,
    known: HashMap<Content, u32>,
    prefixes: u64,
    releases: u64,
}

#[derive(Debug, Default)]
struct Slot {
    holders: u32,
    /// The scope that the block counts for, unless it is free.
    scope: Option<Scope>,
    content: Option<(PrefixId, Content)>,
    released: u64,
}

impl Blocks {
    pub(crate) fn new(count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            slots: (0..count).map(|_| Slot::default()).collect(),
            free: (0..count).rev().collect(),
            shares: Shares::default(),
            known: HashMap::new(),
            prefixes: 0,
            releases: 0,
        }
    }

    /// Returns how many blocks can be taken.
    pub(crate) fn available(&self) -> usize {
        self.free.len() + self.shares.idle()
    }

    /// Returns how many blocks have no holder but known content.
    pub(crate) fn idle(&self) -> usize {
        self.shares.idle()
    }

    pub(crate) fn count(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn find(&self, content: &Content) -> Option<(u32, PrefixId)> {
        let block = *self.known.get(content)?;
        self.slot(block).content.as_ref().map(|(prefix, _)| (block, *prefix))
    }

    pub(crate) fn is_idle(&self, block: u32) -> bool {
        self.slot(block).holders == 0
    }

    /// Holds a block that was found.
    pub(crate) fn hold(&mut self, block: u32) {
        let slot = &mut self.slots[block as usize];
        if let Some(scope) = slot.scope.as_ref().filter(|_| slot.holders == 0) {
            self.shares.mark_held(scope, slot.released);
        }
        slot.holders += 1;
    }

    /// Takes a block for new content of a scope. It is a free block, or an idle one whose content
    /// is lost.
    pub(crate) fn take(&mut self, scope: &Scope) -> Option<u32> {
        let block = match self.free.pop() {
            Some(block) => block,
            None => {
                let block = self.shares.victim()?;
                self.forget(block);
                let slot = &mut self.slots[block as usize];
                if let Some(scope) = slot.scope.take() {
                    self.shares.mark_held(&scope, slot.released);
                    self.shares.remove_block(&scope);
                }
                block
            }
        };
        let slot = &mut self.slots[block as usize];
        (slot.holders, slot.scope) = (1, Some(scope.clone()));
        self.shares.add_block(scope);
        Some(block)
    }

    /// Releases blocks, given in the order of their text.
    pub(crate) fn release(&mut self, blocks: &[u32]) {
        for &block in blocks.iter().rev() {
            let slot = &mut self.slots[block as usize];
            slot.holders -= 1;
            if slot.holders > 0 {
                continue;
            }
            if let Some((_, content)) = &slot.content {
                self.releases += 1;
                slot.released = self.releases;
                self.shares.mark_idle(&content.scope, self.releases, block);
            } else {
                if let Some(scope) = slot.scope.take() {
                    self.shares.remove_block(&scope);
                }
                self.free.push(block);
            }
        }
    }

    /// Registers a block's content, unless another block already has the same.
    pub(crate) fn register(&mut self, block: u32, content: Content) -> PrefixId {
        if let Some((_, prefix)) = self.find(&content) {
            return prefix;
        }
        self.prefixes += 1;
        let prefix = PrefixId(self.prefixes);
        let slot = &mut self.slots[block as usize];
        if let Some(taker) = slot.scope.replace(content.scope.clone()) {
            self.shares.remove_block(&taker);
        }
        self.shares.add_block(&content.scope);
        slot.content = Some((prefix, content.clone()));
        self.known.insert(content, block);
        prefix
    }

    /// Forgets the content of a block.
    pub(crate) fn forget(&mut self, block: u32) {
        let slot = &mut self.slots[block as usize];
        if let Some((_, content)) = slot.content.take() {
            self.known.remove(&content);
        }
    }

    fn slot(&self, block: u32) -> &Slot {
        &self.slots[block as usize]
    }
}

#[cfg(test)]
impl Blocks {
    /// Panics unless every block is in exactly one place, and held as often as `holdings` says.
    pub(crate) fn check(&self, holdings: &std::collections::BTreeMap<u32, u32>) {
        let mut seen = vec![0u32; self.slots.len()];
        let idle: Vec<u32> = self.shares.idle_blocks().collect();
        assert_eq!(idle.len(), self.shares.idle());
        for &block in self.free.iter().chain(&idle) {
            seen[block as usize] += 1;
            assert_eq!(self.slot(block).holders, 0, "block {block} is held and not held");
        }
        for (&block, &holders) in holdings {
            seen[block as usize] += 1;
            assert_eq!(self.slot(block).holders, holders, "block {block} has other holders");
        }
        assert!(seen.iter().all(|&places| places == 1), "a block is lost or in two places: {seen:?}");
        for block in idle {
            assert!(self.slot(block).content.is_some(), "block {block} is idle without content");
        }
        let mut sizes = std::collections::BTreeMap::new();
        for slot in &self.slots {
            if let Some(scope) = &slot.scope {
                *sizes.entry(scope.clone()).or_insert(0) += 1;
            }
            if let Some((_, content)) = &slot.content {
                assert_eq!(slot.scope.as_ref(), Some(&content.scope));
            }
        }
        assert_eq!(sizes, self.shares.sizes());
        assert!(self.free.iter().all(|&block| self.slot(block).scope.is_none()));
        for (content, &block) in &self.known {
            assert_eq!(self.slot(block).content.as_ref().map(|(_, content)| content), Some(content));
        }
        let contents = self.slots.iter().filter(|slot| slot.content.is_some()).count();
        assert_eq!(contents, self.known.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(tenant: &str) -> Scope {
        Scope::Own(tenant.into())
    }

    fn content(after: PrefixId, token: u32) -> Content {
        Content::new(own("a"), after, &[token; BLOCK]).unwrap()
    }

    #[test]
    fn a_block_is_found_by_its_tokens_and_all_before_them() {
        let mut blocks = Blocks::new(4);
        let first = blocks.take(&own("a")).unwrap();
        let prefix = blocks.register(first, content(PrefixId::EMPTY, 1));
        assert_eq!(blocks.find(&content(PrefixId::EMPTY, 1)), Some((first, prefix)));
        assert_eq!(blocks.find(&content(prefix, 1)), None);
        assert_eq!(blocks.find(&content(PrefixId::EMPTY, 2)), None);
    }

    #[test]
    fn the_end_of_a_text_is_evicted_before_its_beginning() {
        let mut blocks = Blocks::new(3);
        let text: Vec<u32> = (0..3).map(|_| blocks.take(&own("a")).unwrap()).collect();
        let mut prefix = PrefixId::EMPTY;
        for (&block, token) in text.iter().zip(0..) {
            prefix = blocks.register(block, content(prefix, token));
        }
        blocks.release(&text);
        assert_eq!(blocks.available(), 3);
        assert_eq!(blocks.take(&own("a")), Some(text[2]));
        assert_eq!(blocks.take(&own("a")), Some(text[1]));
        assert!(blocks.find(&content(PrefixId::EMPTY, 0)).is_some());
    }

    #[test]
    fn an_evicted_beginning_is_never_mistaken_for_what_came_into_its_block() {
        let mut blocks = Blocks::new(2);
        let (first, second) = (blocks.take(&own("a")).unwrap(), blocks.take(&own("a")).unwrap());
        let prefix = blocks.register(first, content(PrefixId::EMPTY, 1));
        blocks.register(second, content(prefix, 2));
        blocks.release(&[first]);
        let again = blocks.take(&own("a")).unwrap();
        assert_eq!(again, first);
        let other = blocks.register(again, content(PrefixId::EMPTY, 9));
        assert_eq!(blocks.find(&content(other, 2)), None);
    }

    #[test]
    fn a_block_that_is_held_is_not_taken() {
        let mut blocks = Blocks::new(1);
        let block = blocks.take(&own("a")).unwrap();
        blocks.register(block, content(PrefixId::EMPTY, 1));
        blocks.hold(block);
        blocks.release(&[block]);
        assert_eq!(blocks.take(&own("a")), None);
        blocks.release(&[block]);
        assert_eq!(blocks.take(&own("a")), Some(block));
    }
}
