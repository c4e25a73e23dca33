//! Beginning reset after a step that panicked.

use cortex_domain::call::{CallRefusal, CallReply};

use super::action::Action;
use super::state::State;
use super::tracked::{JobKind, Phase, Tracked};
use crate::settings::Settings;

impl<R> State<R> {
    /// Begins reset, as a process that starts: a step that panicked may have let go of jobs, and what was to be done for others is
    /// lost. The store brings back what is durable. The calls that were open are refused, and as after a crash the log of one
    /// that ran is lost; its worker is told to stop once it lists the lease.
    pub(crate) fn reset(&mut self, settings: &Settings) -> Vec<Action<R>> {
        let reset =
            Self { asks: self.asks.reset(), stopped: self.stopped, ..Self::new(settings, self.memory) };
        let lost = std::mem::replace(self, reset);
        let replies = lost.jobs.into_values().filter_map(reply);
        let called = || CallReply::Refused(CallRefusal::Internal);
        replies.map(|reply| Action::Reply { reply, called: called() }).collect()
    }
}

/// How the caller of a call is answered.
fn reply<R>(tracked: Tracked<R>) -> Option<R> {
    match (tracked.kind, tracked.phase) {
        (JobKind::Call(call), _) => Some(call.reply),
        (JobKind::Durable, Phase::Persisting(call)) => Some(call.reply),
        (JobKind::Durable, _) => None,
    }
}
