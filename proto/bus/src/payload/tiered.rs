//! Two payload memories: process memory for open calls, and the store for all other jobs. Where the
//! workers are connected to other processes, the payloads of calls are in the store as well.

use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use cortex_domain::id::{JobId, Tenant};
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::ports::{Answer, Payloads, StoreError};

use super::CallPayloads;

/// Holds the payloads of open calls in memory, and those of all other jobs in the store.
pub struct TieredPayloads {
    calls: CallPayloads,
    store: Arc<dyn Payloads>,
    reach: Reach,
}

/// Which processes read and write the payloads of open calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// Only this one.
    Process,
    /// Every process that uses the store.
    Store,
}

impl TieredPayloads {
    /// Limits the payloads in memory to `limit` bytes. A single tenant may use half of them.
    #[must_use]
    pub fn new(store: Arc<dyn Payloads>, limit: usize, reach: Reach) -> Self {
        Self { calls: CallPayloads::new(limit), store, reach }
    }

    /// Opens a call, so that its payloads go to memory.
    pub fn open(&self, job: JobId, tenant: &Tenant) {
        self.calls.open(job, tenant);
    }

    /// Makes the call durable: moves its payloads to the store, and stores new ones there. They can
    /// be read all the time.
    ///
    /// # Errors
    /// Returns an error if the store does not accept them.
    pub async fn keep(&self, job: JobId) -> Result<(), StoreError> {
        let held = self.calls.leave(job);
        if self.reach == Reach::Store {
            return Ok(());
        }
        for (space, payload) in held {
            self.store.put(Pointer { memory: self.memory(), space }, payload).await?;
        }
        Ok(())
    }

    /// Closes an ended call and deletes its payloads in memory.
    pub fn close(&self, job: JobId) {
        self.calls.close(job);
    }

    /// Returns the number of bytes held in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.calls.bytes()
    }
}

impl Payloads for TieredPayloads {
    fn memory(&self) -> Memory {
        self.store.memory()
    }

    fn get(&self, pointer: Pointer) -> Answer<'_, Result<Option<Bytes>, StoreError>> {
        match self.calls.get(pointer.space) {
            Ok(None) | Err(_) if self.reach == Reach::Store => self.store.get(pointer),
            Ok(payload) => Box::pin(ready(Ok(payload))),
            Err(_) => self.store.get(pointer),
        }
    }

    fn put(&self, pointer: Pointer, payload: Bytes) -> Answer<'_, Result<(), StoreError>> {
        match self.calls.put(pointer.space, payload.clone()) {
            // The call has room for it. Others read it in the store.
            Ok(Ok(())) if self.reach == Reach::Store => self.store.put(pointer, payload),
            Ok(put) => Box::pin(ready(put)),
            Err(_) => self.store.put(pointer, payload),
        }
    }

    fn discard(&self, job: JobId) -> Answer<'_, Result<(), StoreError>> {
        self.calls.close(job);
        match self.reach {
            Reach::Process => Box::pin(ready(Ok(()))),
            Reach::Store => self.store.discard(job),
        }
    }
}

impl std::fmt::Debug for TieredPayloads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TieredPayloads").field("calls", &self.calls).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use cortex_domain::id::DispatchId;
    use cortex_domain::time::Timestamp;

    use super::*;
    use crate::payload::InMemory;

    #[tokio::test]
    async fn only_payloads_without_an_open_call_reach_the_store() {
        let store = Arc::new(InMemory::default());
        let layered = TieredPayloads::new(store.clone(), 100, Reach::Process);
        let context =
            |n: u8| Pointer::context(Memory::Local, JobId::mint(Timestamp::from_millis(1), [n; 10]));
        let (call, job) = (context(1), context(2));
        layered.open(call.space.job(), &"acme".parse().unwrap());
        for pointer in [call, job] {
            layered.put(pointer, Bytes::from("in")).await.unwrap();
            assert_eq!(layered.get(pointer).await.unwrap(), Some(Bytes::from("in")));
        }
        assert_eq!(store.get(call).await.unwrap(), None);
        assert_eq!(store.get(job).await.unwrap(), Some(Bytes::from("in")));

        layered.close(call.space.job());
        assert_eq!((layered.get(call).await.unwrap(), layered.bytes()), (None, 0));
    }

    #[tokio::test]
    async fn payloads_that_other_processes_need_are_in_the_store_until_the_call_is_discarded() {
        let store = Arc::new(InMemory::default());
        let layered = TieredPayloads::new(store.clone(), 4, Reach::Store);
        let job = JobId::mint(Timestamp::from_millis(1), [1; 10]);
        let context = Pointer::context(Memory::Local, job);
        let draft = Pointer::draft(Memory::Local, job, DispatchId::new([1; 16]));
        layered.open(job, &"acme".parse().unwrap());
        assert!(layered.put(context, "large".into()).await.is_err(), "a call has the same room");
        layered.put(context, "in".into()).await.unwrap();
        assert_eq!(store.get(context).await.unwrap(), Some("in".into()));
        // A worker elsewhere writes its answer.
        store.put(draft, "out".into()).await.unwrap();
        assert_eq!(layered.get(draft).await.unwrap(), Some("out".into()));
        layered.close(job);
        layered.discard(job).await.unwrap();
        for pointer in [context, draft] {
            assert_eq!(store.get(pointer).await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn payloads_of_a_kept_call_are_readable_and_in_the_store() {
        let store = Arc::new(InMemory::default());
        let layered = TieredPayloads::new(store.clone(), 100, Reach::Process);
        let job = JobId::mint(Timestamp::from_millis(1), [1; 10]);
        let draft = |n: u8| Pointer::draft(Memory::Local, job, DispatchId::new([n; 16]));
        let (context, before, after) = (Pointer::context(Memory::Local, job), draft(1), draft(2));
        layered.open(job, &"acme".parse().unwrap());
        layered.put(context, "in".into()).await.unwrap();
        layered.put(before, "out".into()).await.unwrap();
        layered.keep(job).await.unwrap();
        layered.put(after, "out".into()).await.unwrap();
        for closed in [false, true] {
            for pointer in [context, before, after] {
                assert!(layered.get(pointer).await.unwrap().is_some());
                assert!(store.get(pointer).await.unwrap().is_some());
            }
            if !closed {
                layered.close(job);
            }
        }
        assert_eq!(layered.bytes(), 0);
    }
}
