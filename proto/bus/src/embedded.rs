//! The bus within one process: a table of listeners, each with a bounded buffer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::future::ready;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use cortex_domain::ports::{Answer, Bus, BusError, Delivery, Reply, Subscription};
use cortex_domain::subject::{Filter, Subject};
use tokio::sync::mpsc::error::{SendTimeoutError, TrySendError};
use tokio::sync::{mpsc, oneshot};

/// How much a listener may lag behind.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Messages that a listener's buffer holds.
    pub messages: usize,
    /// How long a publisher waits for space in it, unless what it publishes is advice.
    pub patience: Duration,
}

impl Default for Room {
    fn default() -> Self {
        Self { messages: 1024, patience: Duration::from_millis(100) }
    }
}

/// The bus within one process. A clone is the same bus.
#[derive(Clone, Default)]
pub struct Embedded(Arc<Shared>);

#[derive(Default)]
struct Shared {
    room: Room,
    table: RwLock<Table>,
    names: AtomicU64,
    turn: AtomicUsize,
}

#[derive(Default)]
struct Table {
    exact: HashMap<String, Vec<Listener>>,
    wild: Vec<(Filter, Listener)>,
    closed: bool,
}

struct Listener {
    name: u64,
    group: Option<&'static str>,
    inbox: Inbox,
}

type Inbox = mpsc::Sender<Delivery>;

impl Embedded {
    #[must_use]
    pub fn new(room: Room) -> Self {
        Self(Arc::new(Shared { room, ..Shared::default() }))
    }

    /// Ends every subscription, once it has read what it already holds.
    pub fn close(&self) {
        let mut table = self.0.table.write().unwrap_or_else(PoisonError::into_inner);
        *table = Table { closed: true, ..Table::default() };
    }

    async fn deliver(&self, subject: Subject, body: Bytes, asker: Option<Asker>) -> Result<(), BusError> {
        let full = self.hand_out(&subject, &body, asker.as_ref())?;
        drop(asker);
        if subject.is_advice() {
            // A listener that does not keep up goes without; what it missed it can tell by the numbers.
            return Ok(());
        }
        for (inbox, delivery) in full {
            match inbox.send_timeout(delivery, self.0.room.patience).await {
                Ok(()) | Err(SendTimeoutError::Closed(_)) => {}
                Err(SendTimeoutError::Timeout(_)) => return Err(BusError::Overloaded(subject)),
            }
        }
        Ok(())
    }

    /// Puts the message into every inbox that is to have it; gives those that are full.
    fn hand_out(
        &self,
        subject: &Subject,
        body: &Bytes,
        asker: Option<&Asker>,
    ) -> Result<Vec<(Inbox, Delivery)>, BusError> {
        let delivery = || Delivery {
            subject: subject.clone(),
            body: body.clone(),
            reply: asker.map(|asker| Box::new(asker.clone()) as Box<dyn Reply>),
        };
        let table = self.0.table.read().unwrap_or_else(PoisonError::into_inner);
        if table.closed {
            return Err(BusError::Closed);
        }
        let mut full = Vec::new();
        let mut heard = false;
        let mut groups = Vec::new();
        for listener in table.listeners(subject) {
            let offered = match listener.group {
                None => offer(delivery(), [listener]),
                Some(group) if groups.contains(&group) => continue,
                Some(group) => {
                    groups.push(group);
                    let mut members = table.members(subject, group);
                    let turn = self.0.turn.fetch_add(1, Ordering::Relaxed) % members.len();
                    members.rotate_left(turn);
                    offer(delivery(), members)
                }
            };
            heard |= !matches!(offered, Offered::Gone);
            if let Offered::Full(inbox, delivery) = offered {
                full.push((inbox, delivery));
            }
        }
        if heard { Ok(full) } else { Err(BusError::NoListener(subject.clone())) }
    }

    fn enter(&self, filter: &Filter, group: Option<&'static str>) -> Result<Subscribed, BusError> {
        let (inbox, deliveries) = mpsc::channel(self.0.room.messages);
        let name = self.0.names.fetch_add(1, Ordering::Relaxed);
        let listener = Listener { name, group, inbox };
        let mut table = self.0.table.write().unwrap_or_else(PoisonError::into_inner);
        if table.closed {
            return Err(BusError::Closed);
        }
        if filter.has_wildcard() {
            table.wild.push((filter.clone(), listener));
        } else {
            table.exact.entry(filter.as_str().to_owned()).or_default().push(listener);
        }
        Ok(Subscribed { bus: self.clone(), filter: filter.clone(), name, deliveries })
    }

    fn leave(&self, filter: &Filter, name: u64) {
        let mut table = self.0.table.write().unwrap_or_else(PoisonError::into_inner);
        if filter.has_wildcard() {
            table.wild.retain(|(_, listener)| listener.name != name);
        } else if let Entry::Occupied(mut listeners) = table.exact.entry(filter.as_str().to_owned()) {
            listeners.get_mut().retain(|listener| listener.name != name);
            if listeners.get().is_empty() {
                listeners.remove();
            }
        }
    }
}

impl Table {
    fn listeners<'a>(&'a self, subject: &'a Subject) -> impl Iterator<Item = &'a Listener> {
        let exact = self.exact.get(subject.as_str()).into_iter().flatten();
        let wild =
            self.wild.iter().filter(|(filter, _)| filter.matches(subject)).map(|(_, listener)| listener);
        exact.chain(wild)
    }

    fn members<'a>(&'a self, subject: &'a Subject, group: &str) -> Vec<&'a Listener> {
        self.listeners(subject).filter(|listener| listener.group == Some(group)).collect()
    }
}

enum Offered {
    Taken,
    Full(Inbox, Delivery),
    Gone,
}

/// Gives the message to the first listener with room.
fn offer<'a>(mut delivery: Delivery, listeners: impl IntoIterator<Item = &'a Listener>) -> Offered {
    let mut full = None;
    for listener in listeners {
        match listener.inbox.try_send(delivery) {
            Ok(()) => return Offered::Taken,
            Err(TrySendError::Full(back)) => {
                full.get_or_insert(&listener.inbox);
                delivery = back;
            }
            Err(TrySendError::Closed(back)) => delivery = back,
        }
    }
    full.map_or(Offered::Gone, |inbox| Offered::Full(inbox.clone(), delivery))
}

impl Bus for Embedded {
    fn publish(&self, subject: Subject, body: Bytes) -> Answer<'_, Result<(), BusError>> {
        Box::pin(self.deliver(subject, body, None))
    }

    fn request(
        &self,
        subject: Subject,
        body: Bytes,
        within: Duration,
    ) -> Answer<'_, Result<Bytes, BusError>> {
        let late = BusError::TimedOut(subject.clone());
        let (asker, answer) = Asker::new();
        let exchange = async move {
            self.deliver(subject.clone(), body, Some(asker)).await?;
            answer.await.map_err(|_| BusError::TimedOut(subject))
        };
        Box::pin(async move { tokio::time::timeout(within, exchange).await.unwrap_or(Err(late)) })
    }

    fn subscribe(
        &self,
        filter: Filter,
        group: Option<&'static str>,
    ) -> Answer<'_, Result<Box<dyn Subscription>, BusError>> {
        let subscribed = self.enter(&filter, group);
        Box::pin(ready(subscribed.map(|subscribed| Box::new(subscribed) as Box<dyn Subscription>)))
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("room", &self.0.room).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Subscribed {
    bus: Embedded,
    filter: Filter,
    name: u64,
    deliveries: mpsc::Receiver<Delivery>,
}

impl Subscription for Subscribed {
    fn next(&mut self) -> Answer<'_, Option<Delivery>> {
        Box::pin(self.deliveries.recv())
    }
}

impl Drop for Subscribed {
    fn drop(&mut self) {
        self.bus.leave(&self.filter, self.name);
    }
}

/// Who waits for the first reply. Once all of them are dropped, none can come.
#[derive(Clone, Debug)]
struct Asker(Arc<Mutex<Option<oneshot::Sender<Bytes>>>>);

impl Asker {
    fn new() -> (Self, oneshot::Receiver<Bytes>) {
        let (asker, answer) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(asker)))), answer)
    }
}

impl Reply for Asker {
    fn send(self: Box<Self>, body: Bytes) -> Answer<'static, Result<(), BusError>> {
        let asker = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Later replies, and one to somebody who has left, are lost: that is what a bus promises.
        let _ = asker.map(|asker| asker.send(body));
        Box::pin(ready(Ok(())))
    }
}

#[cfg(test)]
mod tests;
