//! What the simulations have seen.

/// How many of the last counters need several schedulers.
const OF_SEVERAL: usize = 9;

/// What a run has seen, so that a simulation that tests nothing is noticed.
#[derive(Debug, Default, Clone)]
pub(super) struct Coverage {
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) cancelled: u64,
    pub(super) timed_out: u64,
    pub(super) denied: u64,
    pub(super) answered: u64,
    pub(super) persisted: u64,
    pub(super) refused: u64,
    pub(super) lost: u64,
    pub(super) conflicts: u64,
    pub(super) no_drafts: u64,
    pub(super) failed_writes: u64,
    pub(super) crashes: u64,
    pub(super) unreachable: u64,
    pub(super) unanswered: u64,
    pub(super) unrecorded: u64,
    pub(super) given_up: u64,
    pub(super) not_persisted: u64,
    pub(super) stops: u64,
    pub(super) jumps: u64,
    pub(super) lapsed: u64,
    pub(super) stale: u64,
    pub(super) orphans: u64,
    // The following happen only with several schedulers.
    pub(super) busy: u64,
    pub(super) terms_over: u64,
    pub(super) takeovers: u64,
    pub(super) left_messages: u64,
    pub(super) moved: u64,
    pub(super) pauses: u64,
    pub(super) leaves: u64,
    pub(super) kept_shares: u64,
    pub(super) busy_gives: u64,
}

impl Coverage {
    pub(super) fn add(&mut self, other: &Self) {
        for (to, from) in self.all_mut().into_iter().zip(other.clone().all_mut()) {
            *to += *from;
        }
    }

    fn all_mut(&mut self) -> [&mut u64; 32] {
        [
            &mut self.succeeded,
            &mut self.failed,
            &mut self.cancelled,
            &mut self.timed_out,
            &mut self.denied,
            &mut self.answered,
            &mut self.persisted,
            &mut self.refused,
            &mut self.lost,
            &mut self.conflicts,
            &mut self.no_drafts,
            &mut self.failed_writes,
            &mut self.crashes,
            &mut self.unreachable,
            &mut self.unanswered,
            &mut self.unrecorded,
            &mut self.given_up,
            &mut self.not_persisted,
            &mut self.stops,
            &mut self.jumps,
            &mut self.lapsed,
            &mut self.stale,
            &mut self.orphans,
            &mut self.busy,
            &mut self.terms_over,
            &mut self.takeovers,
            &mut self.left_messages,
            &mut self.moved,
            &mut self.pauses,
            &mut self.leaves,
            &mut self.kept_shares,
            &mut self.busy_gives,
        ]
    }

    /// Asserts that everything that can happen did happen often.
    pub(super) fn check(&self, runs: usize, schedulers: usize) {
        let (few, skipped) = if schedulers > 1 { (runs / 400, 0) } else { (runs / 100, OF_SEVERAL) };
        let few = u64::try_from(few).unwrap();
        for count in self.clone().all_mut().into_iter().rev().skip(skipped) {
            assert!(*count > few, "something hardly ever happened: {self:?}");
        }
    }
}
