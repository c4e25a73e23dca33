//! The simulated bus: which scheduler gets what, late, twice or never.

use cortex_domain::event::Event;
use cortex_domain::id::{JobId, WorkerId};
use cortex_domain::job::Request;
use cortex_domain::placement::Candidate;
use cortex_domain::share::Share;
use cortex_domain::state::Lease;
use cortex_domain::transition::OutboxMessage;
use cortex_domain::worker::HeldLease;

use super::schedulers::SchedulerEvent;
use super::{SimEvent, Simulation};
use crate::core::Input;
use crate::core::tests::workers::{self, WorkerMessage};

/// How long the bus waits before it delivers a message again.
const REDELIVERY_MS: u64 = 1000;

/// A message that is delivered until a scheduler has handled it.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Submitted { job: JobId, share: Share },
    Reported { job: JobId, event: Event, worker: WorkerId },
}

/// A call without an answer.
#[derive(Debug)]
pub(super) struct OpenCall {
    pub(super) request: Request,
    /// The life of the scheduler that it was sent to.
    pub(super) life: Option<u64>,
}

impl Message {
    fn share(&self) -> Share {
        match self {
            Self::Submitted { share, .. } => *share,
            Self::Reported { event, .. } => {
                event.lease().map_or(Share::FIRST, |lease| lease.dispatch.share())
            }
        }
    }

    fn input(self) -> Input<u64> {
        match self {
            Self::Submitted { job, .. } => Input::Submitted { job },
            Self::Reported { job, event, worker } => Input::Reported { job, event, worker },
        }
    }
}

impl Simulation {
    /// Returns the life of a scheduler that listens for a share. Several may, if one of them does
    /// not know yet that its term is over.
    fn listener(&mut self, share: Share) -> Option<u64> {
        let listens = self.schedulers.iter().filter(|of| of.is_up && of.terms.get(share).is_some());
        let lives: Vec<u64> = listens.map(|scheduler| scheduler.life).collect();
        let count = u64::try_from(lives.len()).unwrap().max(1);
        lives.get(usize::try_from(self.rng.below(count)).unwrap()).copied()
    }

    pub(super) fn deliver(&mut self, message: Message) {
        let Some(life) = self.listener(message.share()) else { return self.redeliver(message) };
        let input = SchedulerEvent::Message(message.clone().input(), Some(message));
        let after = self.rng.below(20);
        self.after(after, SimEvent::Scheduler(life, input));
    }

    pub(super) fn redeliver(&mut self, message: Message) {
        self.after(REDELIVERY_MS, SimEvent::Queued(message));
    }

    /// Relays the outbox to the bus, where a message may be lost or delivered twice.
    pub(super) fn relay(&mut self) {
        let waiting = std::mem::take(&mut self.store.outbox);
        for message in waiting {
            let owns =
                |of: &&super::Scheduler| of.is_up && of.kept.is_none() && of.state.owns(message.share());
            let Some(life) = self.schedulers.iter().find(owns).map(|owner| owner.life) else {
                self.store.outbox.push_back(message);
                continue;
            };
            let times = if self.chance_of_fault(5) { 0 } else { 1 + u64::from(self.chance_of_fault(20)) };
            for _ in 0..times {
                let after = self.rng.below(50);
                match &message {
                    OutboxMessage::Submit { job, share } => {
                        let message = Message::Submitted { job: *job, share: *share };
                        self.after(after, SimEvent::Queued(message));
                    }
                    OutboxMessage::Abort { job, lease, worker } => {
                        self.stop(*lease, worker);
                        let changed = SchedulerEvent::Message(Input::Changed { job: *job }, None);
                        self.after(after, SimEvent::Scheduler(life, changed));
                    }
                }
            }
        }
    }

    pub(super) fn stop(&mut self, lease: Lease, worker: &WorkerId) {
        if let Some(held) = self.held.get_mut(worker) {
            held.remove(&lease.dispatch);
        }
    }

    /// Makes a call. While its share has no scheduler, the gateway tries again.
    pub(super) fn call(&mut self, n: u64) {
        if !self.calls.contains_key(&n) {
            let request = self.request();
            self.calls.insert(n, OpenCall { request, life: None });
            if self.rng.chance(15) {
                let after = self.rng.below(5000);
                self.after(after, SimEvent::Leave(n));
            }
            if self.rng.chance(30) {
                let after = self.rng.below(5000);
                self.after(after, SimEvent::Detach(n));
            }
        }
        let request = self.calls[&n].request.clone();
        let life = self.listener(Share::of(&request.owner.tenant));
        if let (Some(life), Some(open)) = (life, self.calls.get_mut(&n)) {
            open.life = Some(life);
            let called =
                SchedulerEvent::Message(Input::Called { request: Box::new(request), reply: n }, None);
            let after = self.rng.below(20);
            self.after(after, SimEvent::Scheduler(life, called));
        } else {
            self.after(200, SimEvent::Call(n));
        }
    }

    /// A scheduler does not own the share of a call. The gateway asks another one.
    pub(super) fn moved(&mut self, of: u64, call: u64) {
        self.coverage.moved += 1;
        if let Some(open) = self.calls.get_mut(&call) {
            assert_eq!(open.life.take(), Some(of), "a call was refused by a scheduler that never had it");
            self.after(200, SimEvent::Call(call));
        }
    }

    /// Tells a scheduler something about an open call.
    pub(super) fn notify(&mut self, n: u64, input: impl Fn(JobId) -> Input<u64>) {
        let Some(request) = self.calls.get(&n).map(|open| &open.request) else { return };
        let (input, share) = (input(request.id), Share::of(&request.owner.tenant));
        if let Some(life) = self.listener(share) {
            self.after(1, SimEvent::Scheduler(life, SchedulerEvent::Message(input, None)));
        }
    }

    pub(super) fn heartbeat(&mut self, n: u64) {
        if !self.chance_of_fault(10) {
            let worker = workers::name(n);
            let held: Vec<HeldLease> = self.held.get(&worker).map_or_else(Vec::new, |held| {
                held.values().map(|(job, lease)| HeldLease { job: *job, lease: *lease }).collect()
            });
            let draining = self.chance_of_fault(5);
            let lives: Vec<u64> = self.schedulers.iter().map(|scheduler| scheduler.life).collect();
            for life in lives {
                let capacity = u32::try_from(self.capacity).unwrap();
                let worker = Box::new(Candidate { capacity, ..workers::candidate(n, draining) });
                let input = Input::Heartbeat { worker, held: held.clone() };
                self.after(0, SimEvent::Scheduler(life, SchedulerEvent::Message(input, None)));
            }
        }
        self.after(2000, SimEvent::Heartbeat(n));
    }

    pub(super) fn messages(&mut self, worker: WorkerId, messages: WorkerMessage) {
        match messages {
            WorkerMessage::Draft { job, dispatch } => {
                self.store.drafts.insert((job, dispatch));
            }
            WorkerMessage::Report { job, event } => {
                if let Some(lease) = event.lease().filter(|_| !matches!(event, Event::Started { .. })) {
                    self.stop(lease, &worker);
                }
                let times = if self.chance_of_fault(3) { 0 } else { 1 + u64::from(self.chance_of_fault(10)) };
                for _ in 0..times {
                    let after =
                        if self.chance_of_fault(5) { self.rng.below(15_000) } else { self.rng.below(20) };
                    let message = Message::Reported { job, event: event.clone(), worker: worker.clone() };
                    self.after(after, SimEvent::Queued(message));
                }
            }
        }
    }
}
