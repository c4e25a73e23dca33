//! One scheduler of the model.

use std::time::Duration;

use cortex_domain::ownership::{SchedulerId, Standing, Turn};
use cortex_domain::share::{Share, Terms};
use cortex_domain::time::Uptime;
use cortex_domain::transition::Change;

use crate::membership::{DEAD_AFTER, Membership};

/// A scheduler process.
pub(super) struct Process {
    pub(super) membership: Membership,
    now: Uptime,
    /// The terms under which it acts.
    pub(super) terms: Terms,
    pub(super) doing: Doing,
    /// A change on its way to the store.
    pub(super) change: Option<Change>,
}

/// How far a scheduler has come with its step at the record.
#[derive(Clone)]
pub(super) enum Doing {
    Nothing,
    /// The store has answered to a turn, which may be the first of a step.
    Answered(Standing, bool),
    /// The second turn of a step is due.
    Planned(Turn),
}

impl Clone for Process {
    fn clone(&self) -> Self {
        let Membership { own, standing, others, due } = &self.membership;
        let (standing, others, due) = (standing.clone(), others.clone(), due.clone());
        Self {
            membership: Membership { own: *own, standing, others, due },
            now: self.now,
            terms: self.terms.clone(),
            doing: self.doing.clone(),
            change: self.change.clone(),
        }
    }
}

impl Process {
    pub(super) fn new(id: SchedulerId) -> Self {
        Self {
            membership: Membership::new(id),
            now: Uptime::default(),
            terms: Terms::default(),
            doing: Doing::Nothing,
            change: None,
        }
    }

    pub(super) fn id(&self) -> SchedulerId {
        self.membership.own
    }

    pub(super) fn watches_another(&self) -> bool {
        !self.membership.others.is_empty()
    }

    pub(super) fn jump(&mut self) {
        self.now = self.now.after(DEAD_AFTER + Duration::from_secs(1));
    }

    pub(super) fn next_turn(&self) -> Turn {
        match &self.doing {
            Doing::Planned(turn) => turn.clone(),
            Doing::Nothing | Doing::Answered(..) => self.membership.heartbeat(),
        }
    }

    /// Takes the answer of the store, and plans the second turn of a step as the driver does. The
    /// model has only these shares.
    pub(super) fn answered(&mut self, shares: &[Share]) {
        let Doing::Answered(standing, first) = std::mem::replace(&mut self.doing, Doing::Nothing) else {
            return;
        };
        self.membership.observe(standing, self.now);
        self.adopt(self.membership.terms());
        if !first {
            return;
        }
        let Some(mut turn) = self.membership.plan(self.now, |_| false) else { return };
        turn.take.retain(|term| shares.contains(&term.share));
        if !turn.take.is_empty() || !turn.give.is_empty() || !turn.gone.is_empty() {
            self.adopt(self.membership.terms_after(&turn));
            self.doing = Doing::Planned(turn);
        }
    }

    fn adopt(&mut self, terms: Terms) {
        self.terms = terms;
    }

    /// Adds what the future depends on. Counts of heartbeats are relative to those of the record, and
    /// times to the clock.
    pub(super) fn add_to(&self, key: &mut Vec<u8>, record: &Standing) {
        add_id(key, self.id());
        for (other, (beats, since)) in &self.membership.others {
            add_id(key, *other);
            key.push(behind(record, *other, *beats));
            key.push(u8::from(self.now.since(*since) > DEAD_AFTER));
        }
        key.push(0xfe);
        add_record(key, &self.membership.standing, record);
        add_terms(key, &self.terms);
        match &self.doing {
            Doing::Nothing => key.push(0),
            Doing::Answered(standing, first) => {
                key.push(1 + u8::from(*first));
                add_record(key, standing, record);
            }
            Doing::Planned(turn) => {
                key.push(3);
                add_terms(key, &turn.take.iter().copied().collect());
                turn.give.iter().for_each(|share| key.push(share.number()));
                key.push(0xfd);
                for (gone, beats) in &turn.gone {
                    add_id(key, *gone);
                    key.push(behind(record, *gone, *beats));
                }
            }
        }
        if let Some(change) = &self.change {
            key.push(small(change.expected().0));
            add_terms(key, &change.term().into_iter().collect());
            for entry in change.entries() {
                key.extend(entry.event.name().as_bytes());
                key.extend(entry.event.lease().map(|lease| lease.dispatch.as_bytes()[1]));
            }
        }
        key.push(0xff);
    }
}

/// Adds a record as it was once. Counts of heartbeats are relative to those of the record now.
pub(super) fn add_record(key: &mut Vec<u8>, standing: &Standing, record: &Standing) {
    for (scheduler, beats) in &standing.schedulers {
        add_id(key, *scheduler);
        key.push(behind(record, *scheduler, *beats));
    }
    key.push(0xfc);
    for (share, (epoch, owner)) in &standing.shares {
        key.extend([share.number(), small(epoch.0)]);
        match owner {
            Some(owner) => add_id(key, *owner),
            None => key.push(0xfb),
        }
    }
    key.push(0xfa);
}

/// Returns how many heartbeats a scheduler has sent since a count was seen.
fn behind(record: &Standing, scheduler: SchedulerId, beats: u64) -> u8 {
    record.schedulers.get(&scheduler).map_or(0xf9, |now| small(now.abs_diff(beats)))
}

fn add_terms(key: &mut Vec<u8>, terms: &Terms) {
    terms.iter().for_each(|term| key.extend([term.share.number(), small(term.epoch.0)]));
    key.push(0xf8);
}

fn add_id(key: &mut Vec<u8>, id: SchedulerId) {
    let all = super::ids();
    key.extend(all.iter().position(|known| *known == id).map(|at| small(u64::try_from(at).unwrap_or(9))));
}

fn small(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
