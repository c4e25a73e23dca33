//! Decides which shares this scheduler takes and gives up, by the record in the store.
//!
//! A scheduler is alive while the count of its heartbeats rises. Each observer measures that on its
//! own clock, so no two clocks are compared. Each share belongs to the living scheduler that has
//! the highest weight for it. Observers may disagree for a while: the store gives a share only at
//! the epoch at which its owner was seen, and refuses what an old owner writes.

use std::collections::BTreeMap;
use std::time::Duration;

use cortex_domain::ownership::{SchedulerId, Standing, Turn};
use cortex_domain::share::{Share, Term, Terms};
use cortex_domain::time::Uptime;

/// How often a scheduler sends a heartbeat and looks at the record.
pub(crate) const TURN_INTERVAL: Duration = Duration::from_secs(1);
/// A scheduler whose count has not risen for this long has ended.
pub(crate) const DEAD_AFTER: Duration = Duration::from_secs(6);
/// How long a share that another scheduler should have is kept for the calls that are open.
const GIVE_TIMEOUT: Duration = Duration::from_secs(30);

/// What this scheduler knows of the others.
#[derive(Debug)]
pub(crate) struct Membership {
    own: SchedulerId,
    standing: Standing,
    /// The other schedulers, and when the count of each was first seen.
    others: BTreeMap<SchedulerId, (u64, Uptime)>,
    /// Since when another scheduler should have an own share.
    due: BTreeMap<Share, Uptime>,
}

impl Membership {
    pub(crate) fn new(own: SchedulerId) -> Self {
        Self { own, standing: Standing::default(), others: BTreeMap::new(), due: BTreeMap::new() }
    }

    /// Returns a turn that only says that this scheduler is alive.
    pub(crate) fn heartbeat(&self) -> Turn {
        Turn::heartbeat(self.own)
    }

    /// Returns the last turn of a scheduler that stops.
    pub(crate) fn leave(&self) -> Turn {
        Turn { leave: true, ..self.heartbeat() }
    }

    /// Takes what the store answered to a turn.
    pub(crate) fn observe(&mut self, standing: Standing, now: Uptime) {
        self.others.retain(|other, _| standing.schedulers.contains_key(other));
        for (other, beats) in standing.schedulers.iter().filter(|(other, _)| **other != self.own) {
            let seen = self.others.entry(*other).or_insert((*beats, now));
            if seen.0 != *beats {
                *seen = (*beats, now);
            }
        }
        self.standing = standing;
    }

    /// Returns the terms that this scheduler has by the last record.
    pub(crate) fn terms(&self) -> Terms {
        self.standing.terms(self.own)
    }

    /// Returns the terms that remain after the shares of a turn are given up.
    pub(crate) fn terms_after(&self, turn: &Turn) -> Terms {
        self.terms().iter().filter(|term| !turn.give.contains(&term.share)).collect()
    }

    /// Returns the next turn after an observation, or `None` if there is nothing to change.
    /// `is_busy` says whether callers wait for calls of a share, which is then given up later.
    pub(crate) fn plan(&mut self, now: Uptime, is_busy: impl Fn(Share) -> bool) -> Option<Turn> {
        let mut turn = self.heartbeat();
        let is_alive = |(_, since): &(u64, Uptime)| now.since(*since) <= DEAD_AFTER;
        let (alive, dead): (Vec<_>, Vec<_>) = self.others.iter().partition(|(_, seen)| is_alive(seen));
        turn.gone = dead.into_iter().map(|(other, (beats, _))| (*other, *beats)).collect();
        let alive: Vec<SchedulerId> = alive.into_iter().map(|(other, _)| *other).chain([self.own]).collect();
        for share in Share::all() {
            let (epoch, owner) = self.standing.shares.get(&share).copied().unwrap_or_default();
            let preferred = alive.iter().max_by_key(|scheduler| (scheduler.weight(share), **scheduler));
            let is_preferred = preferred == Some(&self.own);
            match owner {
                Some(owner) if owner == self.own && is_preferred => {
                    self.due.remove(&share);
                }
                Some(owner) if owner == self.own => {
                    let since = *self.due.entry(share).or_insert(now);
                    if !is_busy(share) || now.since(since) > GIVE_TIMEOUT {
                        turn.give.push(share);
                    }
                }
                Some(owner) if alive.contains(&owner) => {}
                Some(_) | None if is_preferred => turn.take.push(Term { share, epoch }),
                Some(_) | None => {}
            }
        }
        self.due.retain(|share, _| !turn.give.contains(share));
        let changes = !turn.take.is_empty() || !turn.give.is_empty() || !turn.gone.is_empty();
        changes.then_some(turn)
    }
}

#[cfg(test)]
mod tests {
    mod model;

    use super::*;

    fn id(n: u8) -> SchedulerId {
        SchedulerId::new([n; 16])
    }

    fn at(seconds: u64) -> Uptime {
        Uptime::from_millis(seconds * 1000)
    }

    /// One look at the record, and the turn that follows from it.
    fn step(store: &mut Standing, member: &mut Membership, now: Uptime) -> Option<Turn> {
        store.apply(&member.heartbeat());
        member.observe(store.clone(), now);
        let turn = member.plan(now, |_| false)?;
        store.apply(&turn);
        member.observe(store.clone(), now);
        Some(turn)
    }

    fn count(store: &Standing, n: u8) -> usize {
        store.terms(id(n)).iter().count()
    }

    #[test]
    fn a_sole_scheduler_has_every_share_after_one_step() {
        let (mut store, mut one) = (Standing::default(), Membership::new(id(1)));
        step(&mut store, &mut one, at(0));
        assert_eq!(one.terms(), Terms::sole());
        assert_eq!(step(&mut store, &mut one, at(1)), None, "there is nothing to change");
    }

    #[test]
    fn a_second_scheduler_gets_its_shares_once_the_first_gives_them_up() {
        let mut store = Standing::default();
        let (mut one, mut two) = (Membership::new(id(1)), Membership::new(id(2)));
        step(&mut store, &mut one, at(0));
        step(&mut store, &mut two, at(0));
        assert_eq!(count(&store, 2), 0, "nothing is taken from a living owner");
        let given = step(&mut store, &mut one, at(1)).unwrap();
        assert_eq!(given.take, []);
        step(&mut store, &mut two, at(1));
        assert!(count(&store, 2) > 0);
        assert_eq!(count(&store, 1) + count(&store, 2), usize::from(Share::COUNT));
        assert_eq!(count(&store, 2), given.give.len());
        for _ in 0..3 {
            assert_eq!(step(&mut store, &mut one, at(2)), None);
            assert_eq!(step(&mut store, &mut two, at(2)), None);
        }
    }

    #[test]
    fn the_shares_of_a_silent_scheduler_are_taken_after_a_while_and_those_of_one_that_leaves_at_once() {
        let mut store = Standing::default();
        let (mut one, mut two) = (Membership::new(id(1)), Membership::new(id(2)));
        for now in 0..3 {
            step(&mut store, &mut one, at(now));
            step(&mut store, &mut two, at(now));
        }
        let own = count(&store, 1);
        for now in 3..=9 {
            assert_eq!(step(&mut store, &mut one, at(now)), None, "{now}");
        }
        let turn = step(&mut store, &mut one, at(10)).unwrap();
        assert_eq!(turn.gone.len(), 1);
        assert_eq!(turn.take.len() + own, usize::from(Share::COUNT));
        assert_eq!((count(&store, 1), count(&store, 2)), (16, 0));
        assert!(two.terms().iter().count() > 0, "it does not know yet");
        // It was only paused. Its rivals' counts have risen since it looked last, so it takes nothing.
        let back = step(&mut store, &mut two, at(60));
        assert_eq!(back, None);
        assert!(two.terms().is_empty());
        step(&mut store, &mut one, at(11));
        step(&mut store, &mut two, at(61));
        assert!(!two.terms().is_empty());
        store.apply(&one.leave());
        step(&mut store, &mut two, at(62));
        assert_eq!(two.terms().iter().count(), 16);
    }

    #[test]
    fn a_share_with_open_calls_is_kept_until_they_have_ended_or_for_a_limited_time() {
        let mut store = Standing::default();
        let (mut one, mut two) = (Membership::new(id(1)), Membership::new(id(2)));
        step(&mut store, &mut one, at(0));
        step(&mut store, &mut two, at(0));
        let mut busy = |now: u64| {
            store.apply(&two.heartbeat());
            store.apply(&one.heartbeat());
            one.observe(store.clone(), at(now));
            one.plan(at(now), |_| true)
        };
        for now in 1..=31 {
            assert_eq!(busy(now), None, "{now}");
        }
        assert!(!busy(32).unwrap().give.is_empty());
    }
}
