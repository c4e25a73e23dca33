//! A ledger with one job, two senders and an origin, and the invariants after every event.

use cortex_api::problem::ErrorView;
use cortex_domain::id::JobId;
use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;

use crate::ledger::{
    Effect, Ending, HeldBody, LedgerEvent, LedgerJob, LedgerPlace, LedgerStep, Rejected, SEND_LEASE, accept,
    apply,
};

pub(super) const BODY: HeldBody = HeldBody { bytes: 700, offloaded: true };

pub(super) fn id() -> JobId {
    JobId::mint(Timestamp::from_millis(1), [7; 10])
}

pub(super) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(100_000_000 + millis)
}

pub(super) fn error() -> ErrorView {
    ErrorView { r#type: "t".into(), title: "t".into(), detail: "d".into(), param: None }
}

/// A sender of the job: the queue's consumer, a repeated message, or the ledger's alarm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sender {
    Idle,
    /// The sender has the job, and the request is on its way.
    Sending(Timestamp),
    /// The origin responded, but the ledger does not know yet.
    Answered(Timestamp, Answer),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Accepted,
    Refused,
    Away,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    /// A message of the queue arrives, at any time and any number of times.
    QueueTakes(usize),
    /// The ledger's alarm fires and takes due jobs.
    AlarmTakes(usize),
    /// The request arrives, and the origin responds.
    Answers(usize, Answer),
    /// The request arrives, the origin accepts, and the response is lost.
    AcceptsWithoutReply(usize),
    Settles(usize, u8),
    /// The sender gives back an untried job.
    GivesBack(usize),
    /// The sender crashes.
    Dies(usize),
    Cancels,
    /// The origin reports. A report may repeat or arrive late.
    Reports(u64),
    Wakes,
    Delays,
    /// The clock advances, or jumps back.
    Clock(i64),
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Simulation {
    pub(super) job: LedgerJob,
    pub(super) now: Timestamp,
    pub(super) senders: [Sender; 2],
    /// Whether the origin holds the job durably.
    pub(super) origin_has: bool,
    pub(super) refused: bool,
    pub(super) cancelled: bool,
    freed: u64,
    deleted: u32,
}

impl Simulation {
    pub(super) fn new() -> Self {
        let LedgerStep { job, effects } = accept(id(), BODY, at(0));
        assert_eq!(effects, [Effect::SendAgainAt(job.due().unwrap())]);
        Self {
            job,
            now: at(0),
            senders: [Sender::Idle; 2],
            origin_has: false,
            refused: false,
            cancelled: false,
            freed: 0,
            deleted: 0,
        }
    }

    /// Performs an action if it is possible now, and returns whether it was.
    pub(super) fn act(&mut self, action: Action) -> bool {
        match action {
            Action::QueueTakes(sender) => self.take(sender),
            Action::AlarmTakes(sender) => {
                self.job.due().is_some_and(|due| due <= self.now) && self.take(sender)
            }
            Action::Answers(sender, answer) => self.answer(sender, answer, answer),
            Action::AcceptsWithoutReply(sender) => self.answer(sender, Answer::Accepted, Answer::Away),
            Action::Settles(sender, random) => self.settle(sender, random),
            Action::GivesBack(sender) => {
                let Sender::Sending(lease) = self.senders[sender] else { return false };
                self.senders[sender] = Sender::Idle;
                self.apply(LedgerEvent::GivenBack { lease, until: self.now.after(SEND_LEASE) }).ok();
                true
            }
            Action::Dies(sender) => {
                let idle = self.senders[sender] == Sender::Idle;
                self.senders[sender] = Sender::Idle;
                !idle
            }
            Action::Cancels => {
                let cancels = self.apply(LedgerEvent::Cancelled).is_ok();
                self.cancelled |= cancels;
                cancels
            }
            Action::Reports(version) => {
                let states = [StateName::Pending, StateName::Running, StateName::Succeeded];
                let state = states[usize::try_from(version).unwrap().min(2)];
                let report = LedgerEvent::StateReported { version, state, at: self.now };
                self.origin_has && self.apply(report).is_ok()
            }
            Action::Wakes => self.apply(LedgerEvent::Woken).is_ok(),
            Action::Delays => {
                let until = self.now.after(SEND_LEASE);
                self.apply(LedgerEvent::Delayed { until }).is_ok()
            }
            Action::Clock(by) => {
                self.now = Timestamp::from_millis(self.now.as_millis().saturating_add_signed(by));
                true
            }
        }
    }

    fn take(&mut self, sender: usize) -> bool {
        if self.senders[sender] != Sender::Idle {
            return false;
        }
        let given = self.job.body().is_some();
        match self.apply(LedgerEvent::Taken) {
            Ok(step) => {
                assert!(given, "only what the ledger holds is sent");
                let LedgerPlace::Sending { lease, .. } = step.job.place else { panic!("{:?}", step.job) };
                self.senders[sender] = Sender::Sending(lease);
                true
            }
            Err(rejected) => {
                assert!(!given || rejected == Rejected::BeingSent, "{rejected}");
                false
            }
        }
    }

    fn answer(&mut self, sender: usize, decided: Answer, received: Answer) -> bool {
        let Sender::Sending(lease) = self.senders[sender] else { return false };
        match decided {
            Answer::Accepted => self.origin_has = true,
            // The origin recognizes a job by its id, and does not reject a job that it holds.
            Answer::Refused if self.origin_has => return false,
            Answer::Refused | Answer::Away => {}
        }
        self.senders[sender] = Sender::Answered(lease, received);
        true
    }

    fn settle(&mut self, sender: usize, random: u8) -> bool {
        let Sender::Answered(lease, answer) = self.senders[sender] else { return false };
        self.senders[sender] = Sender::Idle;
        let event = match answer {
            Answer::Accepted => LedgerEvent::Accepted { origin_id: id() },
            Answer::Refused => LedgerEvent::Refused { lease, error: error(), denied: false },
            Answer::Away => LedgerEvent::OriginAway { lease, random },
        };
        let settled = self.apply(event).is_ok();
        self.refused |= settled && answer == Answer::Refused;
        true
    }

    fn apply(&mut self, event: LedgerEvent) -> Result<LedgerStep, Rejected> {
        let step = apply(&self.job, event, self.now)?;
        assert_ne!(step.job, self.job, "what changes nothing is rejected");
        self.check_step(&step);
        self.job = step.job.clone();
        for effect in &step.effects {
            match effect {
                Effect::FreeBytes(bytes) => self.freed += bytes,
                Effect::DeleteOffloadedBody => self.deleted += 1,
                Effect::SendAgainAt(_) | Effect::WakeWaiting => {}
            }
        }
        Ok(step)
    }

    fn check_step(&self, LedgerStep { job: after, effects }: &LedgerStep) {
        let before = &self.job;
        assert!(!matches!(before.place, LedgerPlace::Ended(_)), "an end is final: {before:?} {after:?}");
        assert!(!before.state().is_terminal(), "a terminal state is final: {before:?} {after:?}");
        assert!(after.version() >= before.version(), "versions rise: {before:?} {after:?}");
        assert!(before.body().is_some() || after.body().is_none(), "a body that is gone does not come back");
        // The alarm covers everything that the ledger holds.
        let alarm = effects.iter().find_map(|effect| match effect {
            Effect::SendAgainAt(at) => Some(*at),
            _ => None,
        });
        assert_eq!(alarm, after.due(), "{after:?}");
    }

    /// Checks the invariants.
    pub(super) fn check(&self) {
        let Self { job, origin_has, refused, cancelled, .. } = self;
        match &job.place {
            LedgerPlace::Waiting { body, .. } => assert_eq!(*body, BODY),
            LedgerPlace::Sending { body, lease, .. } => {
                assert_eq!(*body, BODY);
                let holders = self.senders.iter().filter(|sender| sender.lease() == Some(*lease)).count();
                assert!(holders <= 1, "one lease has one sender");
            }
            LedgerPlace::AtOrigin { .. } => assert!(origin_has, "the ledger forgot what the origin has not"),
            LedgerPlace::Ended(Ending::Cancelled) => assert!(cancelled),
            LedgerPlace::Ended(Ending::Failed(_) | Ending::Denied(_)) => assert!(refused),
        }
        let held = u64::from(job.body().is_some());
        assert_eq!(self.freed, (1 - held) * BODY.bytes, "bytes are freed once: {job:?}");
        assert_eq!(u64::from(self.deleted), 1 - held, "and so is the body outside: {job:?}");
    }

    /// Checks that a job in the ledger reaches a reachable origin even if all senders crashed.
    pub(super) fn check_that_it_arrives(&self) {
        let Some(due) = self.job.due() else { return };
        let mut simulation = self.clone();
        simulation.senders = [Sender::Idle; 2];
        simulation.now = simulation.now.max(due);
        assert!(simulation.act(Action::AlarmTakes(0)), "{self:?}");
        simulation.act(Action::Answers(0, Answer::Accepted));
        simulation.act(Action::Settles(0, 0));
        simulation.check();
        assert_eq!(simulation.job.origin_id(), Some(id()), "{self:?}");
    }
}

impl Sender {
    fn lease(self) -> Option<Timestamp> {
        match self {
            Self::Idle => None,
            Self::Sending(lease) | Self::Answered(lease, _) => Some(lease),
        }
    }
}
