//! The bounded queue of calls, with an estimate of its waiting time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cortex_domain::id::Tenant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::Embeddings;
use super::text::TokenisedText;

/// Why texts were not embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbedError {
    #[error("the queue is full: try again in {} s", retry_after.as_secs())]
    Overloaded { retry_after: Duration },
    #[error("{given} texts are more than the maximum of {most}")]
    TooMany { given: usize, most: usize },
    #[error("text {index} can't be tokenised: {reason}")]
    BadText { index: usize, reason: String },
    #[error("text {index} has more than {most} tokens: shorten it, or set `truncate` to cut it off")]
    TooLong { index: usize, most: usize },
    #[error("the device failed: {0}")]
    Device(String),
    #[error("the model's thread has ended")]
    Stopped,
}

/// The maximum number of texts in one call.
pub(super) const MAX_TEXTS: usize = 2048;
/// How many calls may wait.
const MAX_CALLS: usize = 256;
/// The maximum weight of all calls that wait or run. A weight counts bytes of texts and of their
/// vectors.
const MAX_WEIGHT: u32 = 16 * 1024 * 1024;
/// The maximum weight of one tenant's calls, so that there is room for another tenant.
const MAX_TENANT_WEIGHT: u32 = MAX_WEIGHT / 2;
/// The weight of a text besides its bytes, which is about that of its vector.
const TEXT_OVERHEAD: usize = 2048;

type Reply = oneshot::Sender<Result<Embeddings, EmbedError>>;

/// A call. It holds its reservation until it is answered.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) texts: Vec<TokenisedText>,
    reply: Reply,
    reservation: Reservation,
    pace: Arc<Pace>,
    since: Instant,
}

/// Capacity of the queue that is released on drop.
#[derive(Debug)]
pub(super) struct Reservation {
    weight: u32,
    tenant: Tenant,
    tenants: Arc<Mutex<HashMap<Tenant, u32>>>,
    _permit: OwnedSemaphorePermit,
}

/// The callers' end of the queue.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    calls: mpsc::Sender<Call>,
    room: Arc<Semaphore>,
    /// The weight that each tenant has reserved.
    tenants: Arc<Mutex<HashMap<Tenant, u32>>>,
    pace: Arc<Pace>,
}

/// The recent speed of the queue, in nanoseconds per unit of weight.
#[derive(Debug, Default)]
struct Pace(AtomicU64);

impl Queue {
    pub(super) fn new() -> (Self, mpsc::Receiver<Call>) {
        let (calls, receiver) = mpsc::channel(MAX_CALLS);
        let room = Arc::new(Semaphore::new(MAX_WEIGHT as usize));
        (Self { calls, room, tenants: Arc::default(), pace: Arc::default() }, receiver)
    }

    /// Reserves capacity for a tenant's texts before any work is done for them.
    pub(super) fn reserve(&self, tenant: &Tenant, texts: &[String]) -> Result<Reservation, EmbedError> {
        if texts.len() > MAX_TEXTS {
            return Err(EmbedError::TooMany { given: texts.len(), most: MAX_TEXTS });
        }
        let weight: usize = texts.iter().map(|text| text.len() + TEXT_OVERHEAD).sum();
        let weight = u32::try_from(weight).unwrap_or(u32::MAX).clamp(1, MAX_TENANT_WEIGHT);
        let full = || EmbedError::Overloaded { retry_after: self.retry_after() };
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = tenants.get(tenant).copied().unwrap_or(0);
        let with = taken.checked_add(weight).filter(|with| *with <= MAX_TENANT_WEIGHT).ok_or_else(full)?;
        let room = self.room.clone().try_acquire_many_owned(weight).map_err(|_| full())?;
        tenants.insert(tenant.clone(), with);
        Ok(Reservation { weight, tenant: tenant.clone(), tenants: self.tenants.clone(), _permit: room })
    }

    pub(super) fn push(
        &self,
        texts: Vec<TokenisedText>,
        reservation: Reservation,
    ) -> Result<oneshot::Receiver<Result<Embeddings, EmbedError>>, EmbedError> {
        let (reply, answer) = oneshot::channel();
        let call = Call { texts, reply, reservation, pace: self.pace.clone(), since: Instant::now() };
        self.calls.try_send(call).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => EmbedError::Overloaded { retry_after: self.retry_after() },
            mpsc::error::TrySendError::Closed(_) => EmbedError::Stopped,
        })?;
        Ok(answer)
    }

    /// Returns whether the model's thread is running.
    pub(super) fn is_open(&self) -> bool {
        !self.calls.is_closed()
    }

    /// Estimates how long the waiting calls will take.
    fn retry_after(&self) -> Duration {
        let waiting = MAX_WEIGHT as usize - self.room.available_permits();
        let time = Duration::from_nanos(self.pace.0.load(Ordering::Relaxed).saturating_mul(waiting as u64));
        Duration::from_secs(time.as_secs().saturating_add(1).min(60))
    }
}

impl Call {
    pub(super) fn tenant(&self) -> &Tenant {
        &self.reservation.tenant
    }

    /// Returns whether the caller no longer waits for the answer.
    pub(super) fn is_disconnected(&self) -> bool {
        self.reply.is_closed()
    }

    pub(super) fn answer(self, answer: Result<Embeddings, EmbedError>) {
        self.pace.passed(self.reservation.weight as usize, self.since.elapsed());
        drop(self.reservation);
        let _ = self.reply.send(answer);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        match tenants.get_mut(&self.tenant) {
            Some(taken) if *taken > self.weight => *taken -= self.weight,
            _ => drop(tenants.remove(&self.tenant)),
        }
    }
}

impl Pace {
    /// Updates the average. Each call counts an eighth.
    fn passed(&self, weight: usize, time: Duration) {
        let now = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / weight.max(1) as u64;
        let before = self.0.load(Ordering::Relaxed);
        let pace = if before == 0 { now } else { before - before / 8 + now / 8 };
        self.0.store(pace, Ordering::Relaxed);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::embed) fn tenant(name: &str) -> Tenant {
        name.parse().unwrap()
    }

    pub(in crate::embed) fn push(
        queue: &Queue,
        name: &str,
        texts: usize,
    ) -> Result<oneshot::Receiver<Result<Embeddings, EmbedError>>, EmbedError> {
        let reservation = queue.reserve(&tenant(name), &vec![String::new(); texts])?;
        queue.push(vec![TokenisedText { tokens: vec![0; 10], truncated: false }; texts], reservation)
    }

    #[test]
    fn a_full_queue_is_overloaded_and_has_room_again_when_answered() {
        let (queue, mut calls) = Queue::new();
        let mut kept = vec![push(&queue, "a", MAX_TEXTS).unwrap()];
        let error = loop {
            match push(&queue, "a", MAX_TEXTS) {
                Ok(answer) => kept.push(answer),
                Err(error) => break error,
            }
        };
        assert!(
            matches!(error, EmbedError::Overloaded { retry_after } if retry_after >= Duration::from_secs(1))
        );
        kept.push(push(&queue, "b", MAX_TEXTS).expect("there is room for another tenant"));
        calls.try_recv().unwrap().answer(Err(EmbedError::Stopped));
        kept.push(push(&queue, "a", MAX_TEXTS).unwrap());
        drop(calls);
        drop(queue.clone());
        assert_eq!(queue.tenants.lock().unwrap().len(), 0, "nothing is kept of a tenant without calls");
    }

    #[test]
    fn many_small_calls_are_bounded_too() {
        let (queue, _calls) = Queue::new();
        let kept: Vec<_> = (0..MAX_CALLS).map(|_| push(&queue, "a", 1).unwrap()).collect();
        assert!(matches!(push(&queue, "a", 1), Err(EmbedError::Overloaded { .. })));
        drop(kept);
    }

    #[test]
    fn too_many_texts_are_refused_at_once() {
        let (queue, _calls) = Queue::new();
        let error = push(&queue, "a", MAX_TEXTS + 1).unwrap_err();
        assert!(matches!(error, EmbedError::TooMany { given: 2049, most: 2048 }));
    }
}
