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
pub(crate) struct InFlight {
    capacity: usize,
    draining: bool,
    running: HashMap<DispatchId, Running>,
    finished: VecDeque<Finished>,
    /// In the answers of the finished.
    bytes: usize,
}

#[derive(Debug)]
struct Running {
    held: HeldLease,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Finished {
    lease: Lease,
    disposition: Disposition,
}

#[derive(Debug)]
enum Disposition {
    /// Nobody wants to hear of it.
    Cancelled,
    /// Not known to have been handed over.
    Unsent(Report),
    Sent(Report, Instant),
}

/// What to do with a job that came.
#[derive(Debug)]
pub(crate) enum Admission {
    /// Run it, until the token is cancelled.
    Run(CancellationToken),
    /// It was run already: say again how it ended.
    Repeat(Report),
    /// It is running, or was cancelled.
    Ignore,
    /// There is no room for it, or there won't be a worker: it goes back.
    Return,
}

impl InFlight {
    pub(crate) fn new(capacity: u32) -> Self {
        let capacity = usize::try_from(capacity).unwrap_or(usize::MAX);
        Self { capacity, draining: false, running: HashMap::new(), finished: VecDeque::new(), bytes: 0 }
    }

    pub(crate) fn admit(&mut self, held: HeldLease) -> Admission {
        if let Some(finished) = self.finished.iter().find(|finished| finished.lease == held.lease) {
            return match &finished.disposition {
                Disposition::Cancelled => Admission::Ignore,
                Disposition::Unsent(report) | Disposition::Sent(report, _) => {
                    Admission::Repeat(report.clone())
                }
            };
        }
        if self.running.contains_key(&held.lease.dispatch) {
            return Admission::Ignore;
        }
        if self.draining || self.running.len() >= self.capacity {
            return Admission::Return;
        }
        let stop = CancellationToken::new();
        self.running.insert(held.lease.dispatch, Running { held, stop: stop.clone() });
        Admission::Run(stop)
    }

    /// Stops a dispatch; one that has yet to come will not be run.
    pub(crate) fn cancel(&mut self, lease: Lease) {
        match self.running.get(&lease.dispatch) {
            Some(running) => running.stop.cancel(),
            None if self.finished.iter().any(|finished| finished.lease == lease) => {}
            None => self.remember(lease, Disposition::Cancelled),
        }
    }

    /// A dispatch has ended and frees its slot; without a report, nobody wants one.
    pub(crate) fn finish(&mut self, lease: Lease, report: Option<Report>) {
        self.running.remove(&lease.dispatch);
        self.remember(lease, report.map_or(Disposition::Cancelled, Disposition::Unsent));
    }

    /// The dispatch's report was handed to the origin.
    pub(crate) fn mark_sent(&mut self, lease: Lease, now: Instant) {
        if let Some(finished) = self.finished.iter_mut().rev().find(|finished| finished.lease == lease)
            && let Disposition::Unsent(report) = &finished.disposition
        {
            finished.disposition = Disposition::Sent(report.clone(), now);
        }
        self.prune();
    }

    /// The origin is gone, and perhaps what was handed to it last.
    pub(crate) fn mark_lost(&mut self, now: Instant) {
        for finished in &mut self.finished {
            if let Disposition::Sent(report, at) = &finished.disposition
                && now.duration_since(*at) < UNCONFIRMED_PERIOD
            {
                finished.disposition = Disposition::Unsent(report.clone());
            }
        }
    }

    /// Reports that have to be handed over.
    pub(crate) fn unsent(&self) -> Vec<Report> {
        let unsent = |finished: &Finished| match &finished.disposition {
            Disposition::Unsent(report) => Some(report.clone()),
            Disposition::Cancelled | Disposition::Sent(..) => None,
        };
        self.finished.iter().filter_map(unsent).collect()
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

    fn remember(&mut self, lease: Lease, disposition: Disposition) {
        let finished = Finished { lease, disposition };
        self.bytes += finished.bytes();
        self.finished.push_back(finished);
        self.prune();
    }

    /// Forgets the oldest beyond the limits, but none from a report on that has yet to be handed over: there are
    /// never many, since no jobs come while the origin is away.
    fn prune(&mut self) {
        while self.finished.len() > REMEMBERED || self.bytes > REMEMBERED_BYTES {
            match self.finished.front() {
                Some(oldest) if !matches!(oldest.disposition, Disposition::Unsent(_)) => {
                    self.bytes -= oldest.bytes();
                    self.finished.pop_front();
                }
                _ => break,
            }
        }
    }
}

impl Finished {
    fn bytes(&self) -> usize {
        match &self.disposition {
            Disposition::Cancelled => 0,
            Disposition::Unsent(report) | Disposition::Sent(report, _) => {
                report.draft.as_ref().map_or(0, |(_, payload)| payload.len())
            }
        }
    }
}

#[cfg(test)]
mod tests;
