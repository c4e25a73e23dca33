//! A few threads with a read connection each, so that reads never wait for a flush.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use cortex_domain::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::fault::Fault;

/// Maximum number of waiting reads.
const MAX_QUEUED_READS: usize = 1024;

type Read = Box<dyn FnOnce(&Connection) + Send>;

#[derive(Debug)]
pub(super) struct Readers {
    /// `None` only while the readers are dropped.
    queue: Option<SyncSender<Read>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn start(connections: Vec<Connection>) -> io::Result<Self> {
        let (queue, reads) = sync_channel(MAX_QUEUED_READS);
        let reads = Arc::new(Mutex::new(reads));
        let start = |connection| {
            let reads = Arc::clone(&reads);
            std::thread::Builder::new().name("store-reader".into()).spawn(move || serve(&connection, &reads))
        };
        let threads = connections.into_iter().map(start).collect::<io::Result<_>>()?;
        Ok(Self { queue: Some(queue), threads })
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (answer, read) = oneshot::channel();
        let queue = self.queue.as_ref().expect("the queue is there until the readers are dropped");
        let request: Read = Box::new(move |connection| {
            if !answer.is_closed() {
                // The caller may have stopped waiting by now.
                let _ = answer.send(op(connection));
            }
        });
        queue.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Disconnected(_) => stopped(),
        })?;
        read.await.unwrap_or_else(|_| Err(stopped().into()))
    }
}

fn stopped() -> StoreError {
    StoreError::Broken("the readers have stopped".into())
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reader of the store panicked");
            }
        }
    }
}

fn serve(connection: &Connection, reads: &Mutex<Receiver<Read>>) {
    loop {
        let next = reads.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(read) => read(connection),
            Err(_) => return,
        }
    }
}
