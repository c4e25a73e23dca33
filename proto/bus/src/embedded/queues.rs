//! The queues of the bus. Each is created at its first use.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::ports::{Answer, AppendError, BusError, Delivery, Receipt, Subscription};
use cortex_domain::subject::{Queued, Subject};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::Room;
use super::queue::{Queue, Ticket};

#[derive(Debug, Default)]
pub(super) struct Queues(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    queues: HashMap<String, Arc<SharedQueue>>,
    closed: bool,
}

/// A queue and its waiting consumers.
#[derive(Debug)]
struct SharedQueue {
    state: Mutex<State>,
    moved: Notify,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    closed: bool,
}

impl Queues {
    pub(super) fn append(
        &self,
        subject: Subject<Queued>,
        body: Bytes,
        room: Room,
    ) -> Result<(), AppendError> {
        let queue = self.queue(&subject, room)?;
        if !queue.state().queue.append(body) {
            return Err(AppendError::Full(subject));
        }
        queue.moved.notify_one();
        Ok(())
    }

    pub(super) fn consume(
        &self,
        subject: &Subject<Queued>,
        room: Room,
    ) -> Result<Box<dyn Subscription<Delivery>>, BusError> {
        Ok(Box::new(Consumer(self.queue(subject, room)?)))
    }

    /// Returns each queue's subject and how many messages it holds.
    pub(super) fn depths(&self) -> Vec<(String, usize)> {
        let table = self.table();
        table.queues.iter().map(|(subject, queue)| (subject.clone(), queue.state().queue.len())).collect()
    }

    pub(super) fn close(&self) {
        let mut table = self.table();
        table.closed = true;
        for queue in table.queues.values() {
            queue.state().closed = true;
            queue.moved.notify_waiters();
            // This wakes a consumer that has checked the queue but does not wait yet.
            queue.moved.notify_one();
        }
    }

    fn queue(&self, subject: &Subject<Queued>, room: Room) -> Result<Arc<SharedQueue>, BusError> {
        let mut table = self.table();
        if table.closed {
            return Err(BusError::Closed);
        }
        Ok(Arc::clone(match table.queues.entry(subject.as_str().to_owned()) {
            Entry::Occupied(queue) => queue.into_mut(),
            Entry::Vacant(vacant) => {
                let state = Mutex::new(State { queue: Queue::new(room), closed: false });
                vacant.insert(Arc::new(SharedQueue { state, moved: Notify::new() }))
            }
        }))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedQueue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Consumer(Arc<SharedQueue>);

impl Consumer {
    async fn next(&mut self) -> Option<Delivery> {
        loop {
            let wakes_at = {
                let mut state = self.0.state();
                if let Some((ticket, body)) = state.queue.take(Instant::now()) {
                    if state.queue.is_ready() {
                        // Two messages that arrived while no consumer was waiting leave only one
                        // notification.
                        self.0.moved.notify_one();
                    }
                    let receipt = Box::new(QueueReceipt { queue: Arc::clone(&self.0), ticket });
                    return Some(Delivery { body, receipt });
                }
                if state.closed {
                    drop(state);
                    // Other consumers may wait for the same notification.
                    self.0.moved.notify_one();
                    return None;
                }
                state.queue.wakes_at()
            };
            let due = async {
                match wakes_at {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = self.0.moved.notified() => {}
                () = due => {}
            }
        }
    }
}

impl Subscription<Delivery> for Consumer {
    fn next(&mut self) -> Answer<'_, Option<Delivery>> {
        Box::pin(Self::next(self))
    }
}

#[derive(Debug)]
struct QueueReceipt {
    queue: Arc<SharedQueue>,
    ticket: Ticket,
}

impl Receipt for QueueReceipt {
    fn ack(self: Box<Self>) {
        self.queue.state().queue.ack(self.ticket);
    }

    fn nak(self: Box<Self>, pause: Duration) {
        self.queue.state().queue.nak(self.ticket, pause, Instant::now());
        self.queue.moved.notify_one();
    }
}
