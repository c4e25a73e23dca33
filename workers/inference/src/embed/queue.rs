//! What waits to be computed: bounded, and honest about how long it takes.

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
    #[error("{given} texts are more than the {most} that one call may have")]
    TooMany { given: usize, most: usize },
    #[error("text {index} can't be read: {reason}")]
    BadText { index: usize, reason: String },
    #[error(
        "text {index} has more than {most} tokens: shorten it, or set `truncate` to have what is longer cut off"
    )]
    TooLong { index: usize, most: usize },
    #[error("the device failed: {0}")]
    Device(String),
    #[error("the model has stopped")]
    Stopped,
}

/// Texts of one call.
pub(super) const MAX_TEXTS: usize = 2048;
/// Calls that may wait.
const MAX_CALLS: usize = 256;
/// Weight of all that waits or is computed, in bytes of texts and of the vectors to come.
const MAX_WEIGHT: u32 = 16 * 1024 * 1024;
/// What all that is one tenant's may weigh, so that there is room for another.
const MAX_TENANT_WEIGHT: u32 = MAX_WEIGHT / 2;
/// What a text weighs beside its bytes: about its vector.
const TEXT_OVERHEAD: usize = 2048;

type Reply = oneshot::Sender<Result<Embeddings, EmbedError>>;

/// One call. It holds its share of the queue until it is answered.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) texts: Vec<TokenisedText>,
    reply: Reply,
    reservation: Reservation,
    pace: Arc<Pace>,
    since: Instant,
}

/// A part of the queue that is taken until it is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    weight: u32,
    tenant: Tenant,
    tenants: Arc<Mutex<HashMap<Tenant, u32>>>,
    _permit: OwnedSemaphorePermit,
}

/// The callers' end.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    calls: mpsc::Sender<Call>,
    room: Arc<Semaphore>,
    /// What each takes of it.
    tenants: Arc<Mutex<HashMap<Tenant, u32>>>,
    pace: Arc<Pace>,
}

/// How fast the queue moves: nanoseconds per unit of weight, of late.
#[derive(Debug, Default)]
struct Pace(AtomicU64);

impl Queue {
    pub(super) fn new() -> (Self, mpsc::Receiver<Call>) {
        let (calls, receiver) = mpsc::channel(MAX_CALLS);
        let room = Arc::new(Semaphore::new(MAX_WEIGHT as usize));
        (Self { calls, room, tenants: Arc::default(), pace: Arc::default() }, receiver)
    }

    /// Takes the share that a tenant's texts need, before any work is done for them.
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

    /// Whether the thread that answers is there.
    pub(super) fn is_open(&self) -> bool {
        !self.calls.is_closed()
    }

    /// How long what waits now will take.
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

    /// Whether nobody waits for the answer any more.
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
    /// Follows the latest calls, each counting an eighth.
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
