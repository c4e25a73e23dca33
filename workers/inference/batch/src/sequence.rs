//! One sequence of tokens.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::blocks::{BLOCK, Content, PrefixId};
use crate::scope::{Scope, Tenant};

/// The number of a sequence. Later sequences have larger numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceId(pub(crate) u64);

/// A request for one or more sequences.
#[derive(Debug, Clone)]
pub struct Job {
    pub tenant: Tenant,
    /// The tenant's share among waiting tenants. A weight of 2 gets twice the share of a weight of
    /// 1.
    pub weight: NonZeroU32,
    pub prompt: Vec<u32>,
    /// How many of the first tokens all tenants may find in the cache. They must contain nothing of
    /// a tenant.
    pub shared: usize,
    /// The maximum number of generated tokens.
    pub max_new_tokens: usize,
    /// When the sequence expires, in the time of [`crate::Batch::plan`].
    pub deadline: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct Sequence {
    pub(crate) tenant: Tenant,
    pub(crate) deadline: Option<Duration>,
    /// The prompt and the generated tokens.
    pub(crate) tokens: Vec<u32>,
    pub(crate) shared: usize,
    /// The maximum number of tokens at the end.
    pub(crate) max_tokens: usize,
    /// Tokens that the tenant was charged for. A token that is computed twice counts once.
    pub(crate) charged: usize,
    pub(crate) state: State,
}

#[derive(Debug)]
pub(crate) enum State {
    Waiting,
    Running(KvPlace),
}

/// Where the keys and values of a sequence lie.
#[derive(Debug)]
pub(crate) struct KvPlace {
    pub(crate) blocks: Vec<u32>,
    /// Tokens whose keys and values are computed.
    pub(crate) computed: usize,
    /// Tokens that were found in the cache at admission.
    pub(crate) found: usize,
    /// How many full blocks are registered, followed by the id of the last one.
    pub(crate) registered: usize,
    pub(crate) prefix: PrefixId,
}

impl Sequence {
    pub(crate) fn place(&self) -> Option<&KvPlace> {
        match &self.state {
            State::Running(place) => Some(place),
            State::Waiting => None,
        }
    }

    pub(crate) fn place_mut(&mut self) -> Option<&mut KvPlace> {
        match &mut self.state {
            State::Running(place) => Some(place),
            State::Waiting => None,
        }
    }

    /// Returns the place of a sequence that has more tokens than blocks for them.
    pub(crate) fn place_without_room(&mut self) -> Option<&mut KvPlace> {
        let tokens = self.tokens.len();
        self.place_mut().filter(|place| place.blocks.len() * BLOCK < tokens)
    }

    /// Returns how many blocks are needed to compute all its tokens and the next one.
    pub(crate) fn blocks_to_start(&self) -> usize {
        (self.tokens.len() + 1).min(self.max_tokens - 1).div_ceil(BLOCK)
    }

    /// Returns the content of the next full block, if there are tokens for it.
    pub(crate) fn next_content(&self, registered: usize, after: PrefixId) -> Option<Content> {
        let (start, end) = (registered * BLOCK, (registered + 1) * BLOCK);
        let scope = if end <= self.shared { Scope::Shared } else { self.scope() };
        Content::new(scope, after, self.tokens.get(start..end)?)
    }

    /// Returns the scope of its blocks that are not shared.
    pub(crate) fn scope(&self) -> Scope {
        Scope::Own(self.tenant.clone())
    }
}
