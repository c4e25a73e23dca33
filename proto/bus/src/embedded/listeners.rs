//! The listeners of each subject, each with a bounded buffer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use cortex_domain::ports::{Answer, BusError, Subscription};
use cortex_domain::subject::{Filter, Subject};
use tokio::sync::mpsc;

pub(super) type Inbox<T> = mpsc::Sender<T>;

/// Listeners to messages of type `T`.
#[derive(Debug)]
pub(super) struct Listeners<K, T>(RwLock<Table<K, T>>);

#[derive(Debug)]
struct Table<K, T> {
    exact: HashMap<String, Vec<Listener<T>>>,
    wild: Vec<(Filter<K>, Listener<T>)>,
    /// The number of the next listener.
    next: u64,
    closed: bool,
}

#[derive(Debug)]
struct Listener<T> {
    name: u64,
    inbox: Inbox<T>,
}

impl<K, T> Default for Listeners<K, T> {
    fn default() -> Self {
        let table = Table { exact: HashMap::new(), wild: Vec::new(), next: 0, closed: false };
        Self(RwLock::new(table))
    }
}

impl<K, T> Listeners<K, T>
where
    K: Clone + Debug + Send + Sync + 'static,
    T: Debug + Send + 'static,
{
    /// Returns the buffers of a subject's listeners.
    pub(super) fn of(&self, subject: &Subject<K>) -> Result<Vec<Inbox<T>>, BusError> {
        let table = self.read();
        if table.closed {
            return Err(BusError::Closed);
        }
        Ok(table.on(subject).cloned().collect())
    }

    /// Sends a copy of a message to every listener of a subject. Returns how many listeners miss it
    /// because their queue is full.
    pub(super) fn tell(&self, subject: &Subject<K>, message: impl Fn() -> T) -> u64 {
        self.read().on(subject).map(|inbox| u64::from(inbox.try_send(message()).is_err())).sum()
    }

    /// Adds a listener with room for `room` waiting messages.
    pub(super) fn enter(
        self: &Arc<Self>,
        filter: Filter<K>,
        room: usize,
    ) -> Result<Box<dyn Subscription<T>>, BusError> {
        let (inbox, messages) = mpsc::channel(room);
        let mut table = self.write();
        if table.closed {
            return Err(BusError::Closed);
        }
        let name = table.next;
        table.next += 1;
        let listener = Listener { name, inbox };
        if filter.has_wildcard() {
            table.wild.push((filter.clone(), listener));
        } else {
            table.exact.entry(filter.as_str().to_owned()).or_default().push(listener);
        }
        Ok(Box::new(Subscribed { listeners: Arc::clone(self), filter, name, messages }))
    }

    pub(super) fn close(&self) {
        let mut table = self.write();
        table.exact.clear();
        table.wild.clear();
        table.closed = true;
    }
}

impl<K, T> Table<K, T> {
    fn on<'a>(&'a self, subject: &'a Subject<K>) -> impl Iterator<Item = &'a Inbox<T>> {
        let exact = self.exact.get(subject.as_str()).into_iter().flatten();
        let wild = self.wild.iter().filter(|(filter, _)| filter.matches(subject));
        exact.chain(wild.map(|(_, listener)| listener)).map(|listener| &listener.inbox)
    }
}

impl<K, T> Listeners<K, T> {
    fn leave(&self, filter: &Filter<K>, name: u64) {
        let mut table = self.write();
        if filter.has_wildcard() {
            table.wild.retain(|(_, listener)| listener.name != name);
        } else if let Entry::Occupied(mut listeners) = table.exact.entry(filter.as_str().to_owned()) {
            listeners.get_mut().retain(|listener| listener.name != name);
            if listeners.get().is_empty() {
                listeners.remove();
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Table<K, T>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table<K, T>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Subscribed<K, T> {
    listeners: Arc<Listeners<K, T>>,
    filter: Filter<K>,
    name: u64,
    messages: mpsc::Receiver<T>,
}

impl<K, T> Subscription<T> for Subscribed<K, T>
where
    K: Debug + Send + Sync,
    T: Debug + Send,
{
    fn next(&mut self) -> Answer<'_, Option<T>> {
        Box::pin(self.messages.recv())
    }
}

impl<K, T> Drop for Subscribed<K, T> {
    fn drop(&mut self) {
        self.listeners.leave(&self.filter, self.name);
    }
}
