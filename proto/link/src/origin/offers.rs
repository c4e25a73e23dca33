//! Jobs that were sent to a worker and that it has not replied to yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cortex_domain::id::DispatchId;
use cortex_domain::ports::Reply;
use cortex_domain::task::TaskReply;
use cortex_wire::encode_task_reply;
use tokio::time::Instant;

/// Maximum number of jobs that wait for a reply, far more than a worker takes at a time.
const MAX_OFFERS: usize = 1024;
/// How long an offer is kept. Its sender has given up long before.
const OFFER_LIFETIME: Duration = Duration::from_secs(120);

#[derive(Debug, Default)]
pub(super) struct Offers(Mutex<HashMap<DispatchId, Offer>>);

#[derive(Debug)]
struct Offer {
    reply: Box<dyn Reply>,
    since: Instant,
}

impl Offers {
    /// Keeps the reply channel of a job. If the table is full, replies that the worker is busy.
    pub(super) fn add(&self, dispatch: DispatchId, reply: Box<dyn Reply>) {
        let mut offers = self.lock();
        if offers.len() >= MAX_OFFERS {
            offers.retain(|_, offer| offer.since.elapsed() < OFFER_LIFETIME);
        }
        if offers.len() >= MAX_OFFERS {
            drop(offers);
            return reply.send(encode_task_reply(TaskReply::Busy));
        }
        offers.insert(dispatch, Offer { reply, since: Instant::now() });
    }

    /// Replies to a job, unless that was done before. Returns whether it replied.
    pub(super) fn reply(&self, dispatch: DispatchId, reply: TaskReply) -> bool {
        let Some(offer) = self.lock().remove(&dispatch) else { return false };
        offer.reply.send(encode_task_reply(reply));
        true
    }

    /// Drops an offer that no longer needs a reply.
    pub(super) fn forget(&self, dispatch: DispatchId) {
        self.lock().remove(&dispatch);
    }

    /// Replies to all remaining jobs that the worker, which is leaving, has not seen them.
    pub(super) fn refuse_all(&self) {
        for (_, offer) in std::mem::take(&mut *self.lock()) {
            offer.reply.send(encode_task_reply(TaskReply::Busy));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DispatchId, Offer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use cortex_wire::decode_task_reply;

    use super::*;

    #[derive(Debug)]
    struct Noted(Arc<Mutex<Vec<TaskReply>>>);

    impl Reply for Noted {
        fn send(self: Box<Self>, body: Bytes) {
            self.0.lock().unwrap().push(decode_task_reply(&body).unwrap());
        }
    }

    fn dispatch(n: u32) -> DispatchId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        DispatchId::new(bytes)
    }

    #[tokio::test(start_paused = true)]
    async fn each_job_is_replied_to_once_and_those_beyond_the_room_at_once() {
        let replies = Arc::<Mutex<Vec<_>>>::default();
        let noted = || Box::new(Noted(replies.clone()));
        let offers = Offers::default();
        for n in 0..MAX_OFFERS as u32 {
            offers.add(dispatch(n), noted());
        }
        assert!(offers.reply(dispatch(0), TaskReply::Started));
        assert!(!offers.reply(dispatch(0), TaskReply::Accepted));
        offers.forget(dispatch(1));
        for n in [0, 1] {
            offers.add(dispatch(n), noted());
        }
        assert_eq!(*replies.lock().unwrap(), [TaskReply::Started]);
        offers.add(dispatch(MAX_OFFERS as u32), noted());
        assert_eq!(*replies.lock().unwrap(), [TaskReply::Started, TaskReply::Busy]);

        tokio::time::advance(OFFER_LIFETIME).await;
        offers.add(dispatch(MAX_OFFERS as u32), noted());
        offers.refuse_all();
        assert_eq!(*replies.lock().unwrap(), [TaskReply::Started, TaskReply::Busy, TaskReply::Busy]);
    }
}
