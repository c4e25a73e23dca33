//! One text that is being written.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::blocks::{BLOCK, Content, Node};
use crate::scope::{Scope, Tenant};

/// A sequence's number. Numbers grow: of two sequences the one with the smaller came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceId(pub(crate) u64);

/// What somebody wants written.
#[derive(Debug, Clone)]
pub struct Job {
    pub tenant: Tenant,
    /// Share of the tenant among those that wait: one of 2 gets twice what one of 1 gets.
    pub weight: NonZeroU32,
    pub prompt: Vec<u32>,
    /// How many of the first tokens every tenant may find computed. Nothing in them may be a tenant's own.
    pub shared: usize,
    /// Tokens to generate at most.
    pub most_new: usize,
    /// When it is no longer wanted, in the time that [`crate::Batch::plan`] is told.
    pub deadline: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct Sequence {
    pub(crate) tenant: Tenant,
    pub(crate) deadline: Option<Duration>,
    /// The prompt and what was generated.
    pub(crate) tokens: Vec<u32>,
    pub(crate) shared: usize,
    /// Tokens that there may be in the end.
    pub(crate) most: usize,
    /// Tokens that the tenant has been charged for; what is computed twice counts once.
    pub(crate) charged: usize,
    pub(crate) state: State,
}

#[derive(Debug)]
pub(crate) enum State {
    Waiting,
    Running(Place),
}

/// Where the keys and values of a sequence lie.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) blocks: Vec<u32>,
    /// Tokens whose keys and values have been computed.
    pub(crate) computed: usize,
    /// Tokens that were found when it was admitted.
    pub(crate) found: usize,
    /// Full blocks that have been named, and the last of them.
    pub(crate) named: usize,
    pub(crate) node: Node,
}

impl Sequence {
    pub(crate) fn place(&self) -> Option<&Place> {
        match &self.state {
            State::Running(place) => Some(place),
            State::Waiting => None,
        }
    }

    pub(crate) fn place_mut(&mut self) -> Option<&mut Place> {
        match &mut self.state {
            State::Running(place) => Some(place),
            State::Waiting => None,
        }
    }

    /// Its place, if its tokens need more blocks than it has.
    pub(crate) fn crowded(&mut self) -> Option<&mut Place> {
        let tokens = self.tokens.len();
        self.place_mut().filter(|place| place.blocks.len() * BLOCK < tokens)
    }

    /// Blocks that it takes to compute all the tokens there are and the one that follows.
    pub(crate) fn blocks_to_start(&self) -> usize {
        (self.tokens.len() + 1).min(self.most - 1).div_ceil(BLOCK)
    }

    /// The content of the next full block, if there are tokens for it.
    pub(crate) fn next_content(&self, named: usize, after: Node) -> Option<Content> {
        let (start, end) = (named * BLOCK, (named + 1) * BLOCK);
        let scope = if end <= self.shared { Scope::Shared } else { self.scope() };
        Content::new(scope, after, self.tokens.get(start..end)?)
    }

    /// Where what it computes belongs, unless it is shared.
    pub(crate) fn scope(&self) -> Scope {
        Scope::Own(self.tenant.clone())
    }
}
