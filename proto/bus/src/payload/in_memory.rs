//! The payload memory of a store, for tests.

use std::collections::HashMap;
use std::future::ready;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use cortex_domain::id::JobId;
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::ports::{Answer, Payloads, StoreError};

/// Holds all payloads in memory.
#[derive(Debug, Default)]
pub struct InMemory(Mutex<HashMap<Pointer, Bytes>>);

impl Payloads for InMemory {
    fn memory(&self) -> Memory {
        Memory::Local
    }

    fn get(&self, pointer: Pointer) -> Answer<'_, Result<Option<Bytes>, StoreError>> {
        let payload = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&pointer).cloned();
        Box::pin(ready(Ok(payload)))
    }

    fn put(&self, pointer: Pointer, payload: Bytes) -> Answer<'_, Result<(), StoreError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(pointer, payload);
        Box::pin(ready(Ok(())))
    }

    fn discard(&self, job: JobId) -> Answer<'_, Result<(), StoreError>> {
        let mut payloads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        payloads.retain(|pointer, _| pointer.space.job() != job);
        Box::pin(ready(Ok(())))
    }
}
