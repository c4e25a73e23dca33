//! What is true of the state after every step.

use std::collections::BTreeSet;

use crate::core::State;
use crate::core::tracked::{JobKind, Phase};

impl<R> State<R> {
    /// Returns whether no job is tracked.
    pub(super) fn is_idle(&self) -> bool {
        self.jobs.is_empty()
            && self.waiting.is_empty()
            && self.deadlines.is_empty()
            && self.calls_by_end.is_empty()
            && self.retries.is_empty()
            && self.charged_tenants.is_empty()
            && self.asks.all_open() == [0, 0]
            && self.fleet.dispatches().is_empty()
    }

    /// Asserts that every slot has a job, every queued job is in a queue, every call has a place,
    /// and every deadline has a job.
    pub(super) fn assert_invariants(&self) {
        let mut slots = BTreeSet::new();
        let (mut calls, mut queued, mut undecided, mut placed) = (0, 0, 0, 0);
        for (id, tracked) in &self.jobs {
            match &tracked.phase {
                Phase::Deciding { slot, .. } => slots.extend(slot.as_ref().map(|slot| slot.dispatch)),
                Phase::Placing { slot, .. } | Phase::Recording { slot, .. } | Phase::Stalled { slot } => {
                    slots.extend([slot.dispatch]);
                }
                Phase::InFlight { lease, .. } | Phase::InStore { lease, .. } => {
                    slots.extend([lease.dispatch])
                }
                Phase::Persisting(call) => slots.extend(call.held.map(|lease| lease.dispatch)),
                Phase::Loading { held } | Phase::Saving { held, .. } | Phase::Retrying { held } => {
                    slots.extend(held.map(|lease| lease.dispatch))
                }
                Phase::Queued => {
                    assert!(self.waiting.get(*id).is_some(), "{id} is queued nowhere");
                    queued += 1;
                }
                Phase::Undecided => {
                    assert!(self.waiting.job(*id).is_some(), "{id} is to be judged and lies nowhere");
                    undecided += 1;
                }
                Phase::Asleep { .. } => {}
            }
            let waits = matches!(
                tracked.phase,
                Phase::Undecided | Phase::Queued | Phase::Deciding { slot: None, .. }
            );
            let has_place = waits && matches!(tracked.kind, JobKind::Durable);
            let may_sleep = matches!(tracked.phase, Phase::Asleep { .. });
            assert!(may_sleep || !self.waiting.sleeps(*id), "{id} is in hand and asleep");
            assert_eq!(self.waiting.has_place(*id), has_place, "{id} has a place that is not its own");
            placed += usize::from(has_place);
            if matches!(tracked.phase, Phase::Retrying { .. } | Phase::Stalled { .. }) {
                assert!(self.retries.iter().any(|(_, job)| job == id), "{id} is never tried again");
            }
            calls += usize::from(matches!(tracked.kind, JobKind::Call(_)));
            if let Some(deadline) = tracked.deadline {
                assert!(self.deadlines.contains(&(deadline, *id)), "{id} has a deadline that is not watched");
            }
        }
        assert_eq!(self.fleet.dispatches(), slots, "slots without a job, or jobs without their slot");
        assert_eq!((self.calls.all(), self.calls_by_end.len()), (calls, calls), "places of calls");
        assert_eq!(self.waiting.lens(), (queued, undecided), "the queues hold jobs that are not tracked");
        let (counted, places, asleep) = self.waiting.places();
        assert_eq!((counted, places), (places, placed + asleep), "places of durable jobs");
        assert!(self.asks.all_open().iter().all(|open| *open <= self.asks.most()), "too many requests");
        assert!(self.deadlines.len() <= self.jobs.len(), "deadlines of jobs that are not in hand");
    }
}
