//! Two memories behind one door: calls that are under way in memory, everything else in the store.

use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use cortex_domain::id::{JobId, Tenant};
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::ports::{Answer, Payloads, StoreError};

use super::CallPayloads;

/// Keeps the payloads of opened jobs in memory and those of all others in the store.
pub struct TieredPayloads {
    calls: CallPayloads,
    store: Arc<dyn Payloads>,
}

impl TieredPayloads {
    /// Holds `limit` bytes in memory at most, of which one tenant alone may have half.
    #[must_use]
    pub fn new(store: Arc<dyn Payloads>, limit: usize) -> Self {
        Self { calls: CallPayloads::new(limit), store }
    }

    /// A call begins: its payloads go to memory.
    pub fn open(&self, job: JobId, tenant: &Tenant) {
        self.calls.open(job, tenant);
    }

    /// The call becomes a job: what it has so far is put into the store, and so is all that comes. Nothing is out
    /// of reach meanwhile.
    ///
    /// # Errors
    /// If the store does not take it.
    pub async fn keep(&self, job: JobId) -> Result<(), StoreError> {
        for (space, payload) in self.calls.leave(job) {
            self.store.put(Pointer { memory: self.memory(), space }, payload).await?;
        }
        Ok(())
    }

    /// The call has ended: its payloads are forgotten.
    pub fn close(&self, job: JobId) {
        self.calls.close(job);
    }

    /// How many bytes are held in memory.
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
            Ok(payload) => Box::pin(ready(Ok(payload))),
            Err(_) => self.store.get(pointer),
        }
    }

    fn put(&self, pointer: Pointer, payload: Bytes) -> Answer<'_, Result<(), StoreError>> {
        match self.calls.put(pointer.space, payload.clone()) {
            Ok(put) => Box::pin(ready(put)),
            Err(_) => self.store.put(pointer, payload),
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
    async fn only_what_belongs_to_no_open_call_reaches_the_store() {
        let store = Arc::new(InMemory::default());
        let layered = TieredPayloads::new(store.clone(), 100);
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
    async fn what_a_kept_call_has_is_at_hand_and_in_the_store() {
        let store = Arc::new(InMemory::default());
        let layered = TieredPayloads::new(store.clone(), 100);
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
