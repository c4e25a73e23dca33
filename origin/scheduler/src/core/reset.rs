//! Resets the state after a step that panicked.

use cortex_domain::call::{CallRefusal, CallReply};

use super::action::Action;
use super::state::State;
use super::tracked::{JobKind, Phase, Tracked};
use crate::settings::Settings;

impl<R> State<R> {
    /// Resets the state to that of a new process. A step that panicked may have dropped jobs and
    /// the actions of others. Durable jobs come back from the store. Open calls are rejected, and
    /// the log of a call that ran is lost, as after a crash. The scheduler tells its worker to stop
    /// once a heartbeat lists the lease.
    pub(crate) fn reset(&mut self, settings: &Settings) -> Vec<Action<R>> {
        let reset = Self {
            asks: self.asks.reset(),
            stopped: self.stopped,
            terms: std::mem::take(&mut self.terms),
            ..Self::new(settings, self.memory)
        };
        let lost = std::mem::replace(self, reset);
        let replies = lost.jobs.into_values().filter_map(reply);
        let called = || CallReply::Refused(CallRefusal::Internal);
        replies.map(|reply| Action::Reply { reply, called: called() }).collect()
    }
}

/// Returns the handle by which the caller of a call is answered.
fn reply<R>(tracked: Tracked<R>) -> Option<R> {
    match (tracked.kind, tracked.phase) {
        (JobKind::Call(call), _) => Some(call.reply),
        (JobKind::Durable, Phase::Persisting(call)) => Some(call.reply),
        (JobKind::Durable, _) => None,
    }
}
