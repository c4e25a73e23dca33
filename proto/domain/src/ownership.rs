//! Which scheduler owns which share: the record in the store, and how a scheduler changes it.

use std::collections::BTreeMap;
use std::fmt;

use crate::id::ParseError;
use crate::scatter::{scatter, scatter_bytes};
use crate::share::{Epoch, Share, Term, Terms};

/// The id of a scheduler process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchedulerId([u8; 16]);

impl SchedulerId {
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// Reads an id from its text.
    ///
    /// # Errors
    /// Returns an error unless there are 32 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        crate::hex::decode(text)
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or(ParseError { what: "scheduler id", reason: "must be 32 hexadecimal digits" })
    }

    /// Returns how much this scheduler is preferred for a share. Each share prefers another order
    /// of the schedulers, and a scheduler that comes or goes moves only its own shares (rendezvous
    /// hashing; Thaler, Ravishankar 1998).
    #[must_use]
    pub fn weight(self, share: Share) -> u64 {
        scatter(scatter_bytes(&self.0) ^ scatter(u64::from(share.number())))
    }
}

impl fmt::Display for SchedulerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SchedulerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchedulerId({self})")
    }
}

/// A scheduler's turn at the record of shares: what it changes there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Turn {
    pub scheduler: SchedulerId,
    /// Shares to take, each with the epoch at which its owner was seen. A share that has another
    /// epoch meanwhile is not taken.
    pub take: Vec<Term>,
    /// Own shares to give up.
    pub give: Vec<Share>,
    /// Schedulers that have ended, each with its last heartbeat. One that has sent another
    /// heartbeat meanwhile stays.
    pub gone: Vec<(SchedulerId, u64)>,
    /// The scheduler stops: its heartbeats end, and all of its shares are given up.
    pub leave: bool,
}

impl Turn {
    /// Returns a turn that is only a heartbeat.
    #[must_use]
    pub fn heartbeat(scheduler: SchedulerId) -> Self {
        Self { scheduler, take: Vec::new(), give: Vec::new(), gone: Vec::new(), leave: false }
    }
}

/// The record of shares at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// The schedulers, each with the count of its heartbeats.
    pub schedulers: BTreeMap<SchedulerId, u64>,
    /// The shares that have had an owner, each with its epoch.
    pub shares: BTreeMap<Share, (Epoch, Option<SchedulerId>)>,
}

impl Standing {
    /// Applies a turn. This is the rule that every store implements.
    pub fn apply(&mut self, turn: &Turn) {
        if turn.leave {
            self.schedulers.remove(&turn.scheduler);
        } else {
            *self.schedulers.entry(turn.scheduler).or_default() += 1;
        }
        for (gone, beats) in &turn.gone {
            if self.schedulers.get(gone) == Some(beats) {
                self.schedulers.remove(gone);
            }
        }
        for (share, (_, owner)) in &mut self.shares {
            if *owner == Some(turn.scheduler) && (turn.leave || turn.give.contains(share)) {
                *owner = None;
            }
        }
        for seen in turn.take.iter().filter(|_| !turn.leave) {
            let (epoch, _) = self.shares.get(&seen.share).copied().unwrap_or_default();
            if epoch == seen.epoch {
                self.shares.insert(seen.share, (Epoch(epoch.0 + 1), Some(turn.scheduler)));
            }
        }
    }

    /// Returns the terms of a scheduler.
    #[must_use]
    pub fn terms(&self, scheduler: SchedulerId) -> Terms {
        let own = self.shares.iter().filter(|(_, (_, owner))| *owner == Some(scheduler));
        own.map(|(share, (epoch, _))| Term { share: *share, epoch: *epoch }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> SchedulerId {
        SchedulerId::new([n; 16])
    }

    #[test]
    fn a_scheduler_that_comes_moves_only_shares_to_itself() {
        let preferred = |ids: &[u8], share| ids.iter().max_by_key(|n| id(**n).weight(share)).copied();
        let mut moved = 0;
        for share in Share::all() {
            let (before, after) = (preferred(&[1, 2], share), preferred(&[1, 2, 3], share));
            if before != after {
                assert_eq!(after, Some(3));
                moved += 1;
            }
        }
        assert!((1..=10).contains(&moved), "{moved}");
    }

    #[test]
    fn a_share_is_taken_only_at_the_epoch_that_was_seen_and_each_owner_has_a_new_one() {
        let mut standing = Standing::default();
        let share = Share::FIRST;
        let take =
            |n, epoch| Turn { take: vec![Term { share, epoch: Epoch(epoch) }], ..Turn::heartbeat(id(n)) };
        standing.apply(&take(1, 0));
        standing.apply(&take(2, 0));
        assert_eq!(standing.terms(id(1)).get(share), Some(Term { share, epoch: Epoch(1) }));
        assert!(standing.terms(id(2)).is_empty());
        standing.apply(&take(2, 1));
        assert!(standing.terms(id(1)).is_empty(), "its term is over");
        standing.apply(&Turn { give: vec![share], ..Turn::heartbeat(id(1)) });
        assert_eq!(standing.terms(id(2)).get(share), Some(Term { share, epoch: Epoch(2) }));
        standing.apply(&Turn { leave: true, ..Turn::heartbeat(id(2)) });
        assert_eq!(standing.shares[&share], (Epoch(2), None));
        assert_eq!(standing.schedulers.keys().copied().collect::<Vec<_>>(), [id(1)]);
    }

    #[test]
    fn a_scheduler_that_has_sent_a_heartbeat_since_is_not_gone() {
        let mut standing = Standing::default();
        standing.apply(&Turn::heartbeat(id(1)));
        standing.apply(&Turn::heartbeat(id(1)));
        standing.apply(&Turn { gone: vec![(id(1), 1)], ..Turn::heartbeat(id(2)) });
        assert!(standing.schedulers.contains_key(&id(1)));
        standing.apply(&Turn { gone: vec![(id(1), 2)], ..Turn::heartbeat(id(2)) });
        assert!(!standing.schedulers.contains_key(&id(1)));
    }

    #[test]
    fn an_id_reads_back() {
        assert_eq!(SchedulerId::parse(&id(7).to_string()), Ok(id(7)));
        assert!(SchedulerId::parse("07").is_err());
    }
}
