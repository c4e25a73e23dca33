//! What a worker has in hand and what it has handed back. Rules only: the caller acts.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use cortex_domain::id::DispatchId;
use cortex_domain::state::Lease;
use cortex_domain::worker::HeldLease;
use cortex_link::origin::Report;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Dispatches that are remembered after their end, so that a repeated message does not run one again.
const REMEMBERED: usize = 256;
/// Answers that are remembered with them, in bytes.
const REMEMBERED_BYTES: usize = 16 * 1024 * 1024;
/// A report that was handed over this shortly before the origin was lost may not have arrived.
const UNCONFIRMED_PERIOD: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Desk {
    capacity: usize,
    draining: bool,
    running: HashMap<DispatchId, Running>,
    past: VecDeque<Past>,
    /// In the answers of the past.
    bytes: usize,
}

#[derive(Debug)]
struct Running {
    held: HeldLease,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Past {
    lease: Lease,
    fate: Fate,
}

#[derive(Debug)]
enum Fate {
    /// Nobody wants to hear of it.
    Cancelled,
    /// Not known to have been handed over.
    Unsent(Report),
    Handed(Report, Instant),
}

/// What to do with a job that came.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Run it, until the token is cancelled.
    Run(CancellationToken),
    /// It was run already: say again how it ended.
    Again(Report),
    /// It is running, or was cancelled.
    Ignore,
    /// There is no room for it, or there won't be a worker: it goes back.
    Return,
}

impl Desk {
    pub(crate) fn new(capacity: u32) -> Self {
        let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
        Self { capacity, draining: false, running: HashMap::new(), past: VecDeque::new(), bytes: 0 }
    }

    pub(crate) fn take(&mut self, held: HeldLease) -> Taken {
        if let Some(past) = self.past.iter().find(|past| past.lease == held.lease) {
            return match &past.fate {
                Fate::Cancelled => Taken::Ignore,
                Fate::Unsent(report) | Fate::Handed(report, _) => Taken::Again(report.clone()),
            };
        }
        if self.running.contains_key(&held.lease.dispatch) {
            return Taken::Ignore;
        }
        if self.draining || self.running.len() >= self.capacity {
            return Taken::Return;
        }
        let stop = CancellationToken::new();
        self.running.insert(held.lease.dispatch, Running { held, stop: stop.clone() });
        Taken::Run(stop)
    }

    /// Stops a dispatch; one that has yet to come will not be run.
    pub(crate) fn cancel(&mut self, lease: Lease) {
        match self.running.get(&lease.dispatch) {
            Some(running) => running.stop.cancel(),
            None if self.past.iter().any(|past| past.lease == lease) => {}
            None => self.remember(lease, Fate::Cancelled),
        }
    }

    /// A dispatch has ended and frees its slot; without a report, nobody wants one.
    pub(crate) fn end(&mut self, lease: Lease, report: Option<Report>) {
        self.running.remove(&lease.dispatch);
        self.remember(lease, report.map_or(Fate::Cancelled, Fate::Unsent));
    }

    /// The dispatch's report was handed to the origin.
    pub(crate) fn handed(&mut self, lease: Lease, now: Instant) {
        if let Some(past) = self.past.iter_mut().rev().find(|past| past.lease == lease)
            && let Fate::Unsent(report) = &past.fate
        {
            past.fate = Fate::Handed(report.clone(), now);
        }
        self.tidy();
    }

    /// The origin is gone, and perhaps what was handed to it last.
    pub(crate) fn lost(&mut self, now: Instant) {
        for past in &mut self.past {
            if let Fate::Handed(report, at) = &past.fate
                && now.duration_since(*at) < UNCONFIRMED_PERIOD
            {
                past.fate = Fate::Unsent(report.clone());
            }
        }
    }

    /// Reports that have to be handed over.
    pub(crate) fn unsent(&self) -> Vec<Report> {
        let unsent = |past: &Past| match &past.fate {
            Fate::Unsent(report) => Some(report.clone()),
            Fate::Cancelled | Fate::Handed(..) => None,
        };
        self.past.iter().filter_map(unsent).collect()
    }

    /// Takes no more jobs from now on.
    pub(crate) fn drain(&mut self) {
        self.draining = true;
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining
    }

    /// The leases that it renews.
    pub(crate) fn held(&self) -> Vec<HeldLease> {
        self.running.values().map(|running| running.held).collect()
    }

    fn remember(&mut self, lease: Lease, fate: Fate) {
        let past = Past { lease, fate };
        self.bytes += past.bytes();
        self.past.push_back(past);
        self.tidy();
    }

    /// Forgets the oldest beyond the limits, but none from a report on that has yet to be handed over: there are
    /// never many, since no jobs come while the origin is away.
    fn tidy(&mut self) {
        while self.past.len() > REMEMBERED || self.bytes > REMEMBERED_BYTES {
            match self.past.front() {
                Some(oldest) if !matches!(oldest.fate, Fate::Unsent(_)) => {
                    self.bytes -= oldest.bytes();
                    self.past.pop_front();
                }
                _ => break,
            }
        }
    }
}

impl Past {
    fn bytes(&self) -> usize {
        match &self.fate {
            Fate::Cancelled => 0,
            Fate::Unsent(report) | Fate::Handed(report, _) => {
                report.draft.as_ref().map_or(0, |(_, payload)| payload.len())
            }
        }
    }
}

#[cfg(test)]
mod tests;
