//! The connections of the HTTP API. Their number is limited. At the limit, connections that have
//! not authenticated make room for new ones.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cortex_domain::id::Tenant;
use tokio_util::sync::CancellationToken;

/// The open connections. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    limit: usize,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    /// The oldest one comes first.
    open: BTreeMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    peer: IpAddr,
    /// Whether a request on this connection was admitted.
    authenticated: bool,
    close: CancellationToken,
}

/// An open connection. It is removed on drop.
#[derive(Debug)]
pub(crate) struct Connection {
    connections: Connections,
    number: u64,
    close: CancellationToken,
}

/// The tenant of a request, once the request is authenticated. That also marks its connection as
/// authenticated. Clones belong to the same request.
#[derive(Clone, Debug)]
pub(crate) struct RequestIdentity {
    connections: Connections,
    number: u64,
    tenant: Arc<OnceLock<Tenant>>,
}

impl Connections {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, table: Arc::default() }
    }

    /// Adds a connection. At the limit, it closes an unauthenticated one. Returns `None` if all are
    /// authenticated.
    pub(crate) fn open(&self, peer: IpAddr) -> Option<Connection> {
        let mut table = self.table();
        if table.open.len() >= self.limit {
            table.close_unauthenticated()?;
        }
        let (number, close) = (table.next, CancellationToken::new());
        table.next += 1;
        table.open.insert(number, Open { peer, authenticated: false, close: close.clone() });
        drop(table);
        Some(Connection { connections: self.clone(), number, close })
    }

    /// Closes an unauthenticated connection, because another resource is exhausted.
    pub(crate) fn close_unauthenticated(&self) {
        self.table().close_unauthenticated();
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn close_unauthenticated(&mut self) -> Option<()> {
        let victim = self.oldest_unauthenticated()?;
        self.open.remove(&victim)?.close.cancel();
        Some(())
    }

    /// Returns the oldest unauthenticated connection of a peer that has the most of them.
    fn oldest_unauthenticated(&self) -> Option<u64> {
        let unknown = || self.open.iter().filter(|(_, open)| !open.authenticated);
        let mut peers = HashMap::<IpAddr, usize>::new();
        for (_, open) in unknown() {
            *peers.entry(open.peer).or_default() += 1;
        }
        let most = peers.values().copied().max()?;
        unknown().find(|(_, open)| peers.get(&open.peer) == Some(&most)).map(|(number, _)| *number)
    }
}

impl Connection {
    /// Returns the identity of a new request on this connection.
    pub(crate) fn new_request(&self) -> RequestIdentity {
        RequestIdentity { connections: self.connections.clone(), number: self.number, tenant: Arc::default() }
    }

    /// Resolves once the connection must be closed.
    pub(crate) async fn closed(&self) {
        self.close.cancelled().await;
    }
}

impl RequestIdentity {
    /// Sets the tenant of the request.
    pub(crate) fn authenticate(&self, tenant: &Tenant) {
        self.tenant.get_or_init(|| tenant.clone());
        if let Some(open) = self.connections.table().open.get_mut(&self.number) {
            open.authenticated = true;
        }
    }

    /// Returns the tenant of the request, if it is authenticated.
    pub(crate) fn tenant(&self) -> Option<&Tenant> {
        self.tenant.get()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.table().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> Tenant {
        "a".parse().unwrap()
    }

    fn peer(n: u8) -> IpAddr {
        [127, 0, 0, n].into()
    }

    #[test]
    fn the_oldest_unauthenticated_connection_of_the_peer_with_the_most_makes_room() {
        let connections = Connections::new(4);
        let lone = connections.open(peer(2)).unwrap();
        let [oldest, known, newest] = [1, 1, 1].map(|n| connections.open(peer(n)).unwrap());
        known.new_request().authenticate(&tenant());
        let _new = connections.open(peer(3)).unwrap();
        assert!(oldest.close.is_cancelled());
        assert!(![&lone, &known, &newest].iter().any(|open| open.close.is_cancelled()));
        connections.close_unauthenticated();
        assert!(
            lone.close.is_cancelled() && !newest.close.is_cancelled(),
            "the oldest, if peers have equally many"
        );
    }

    #[test]
    fn authenticated_connections_are_not_closed_for_new_ones() {
        let connections = Connections::new(2);
        let open = [1, 1].map(|n| connections.open(peer(n)).unwrap());
        for connection in &open {
            connection.new_request().authenticate(&tenant());
        }
        assert!(connections.open(peer(1)).is_none());
        drop(open);
        assert!(connections.table().open.is_empty());
        assert!(connections.open(peer(1)).is_some());
    }
}
