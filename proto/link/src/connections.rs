//! The connections of one listener. Only a few may be unadmitted, regardless of their source, and
//! they make room for new ones.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::admission::Admission;

/// Maximum number of connections that wait to be admitted.
pub(crate) const MAX_UNADMITTED: usize = 64;
/// Maximum number of them from one address, so that others find room.
const MAX_UNADMITTED_PER_SOURCE: usize = 16;
/// The prefix length of an IPv6 network. A peer usually has all of its addresses.
const IPV6_PREFIX: u32 = 64;

/// The source of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Source {
    /// This machine, over a Unix socket that only its owner can reach.
    Local,
    Address(IpAddr),
}

impl Source {
    /// Returns the source of a TCP connection: an IPv4 address or an IPv6 network.
    pub(crate) fn of(peer: IpAddr) -> Self {
        match peer.to_canonical() {
            IpAddr::V4(address) => Self::Address(address.into()),
            IpAddr::V6(address) => {
                let network = address.to_bits() & (u128::MAX << (u128::BITS - IPV6_PREFIX));
                Self::Address(Ipv6Addr::from_bits(network).into())
            }
        }
    }
}

/// The open connections. Clones share the same table.
#[derive(Clone, Default, Debug)]
pub(crate) struct Connections(Arc<Mutex<Table>>);

#[derive(Default, Debug)]
struct Table {
    next: u64,
    /// Oldest first.
    open: BTreeMap<u64, OpenConnection>,
}

#[derive(Debug)]
struct OpenConnection {
    source: Source,
    admission: Arc<Admission>,
}

/// A connection's entry, which is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    connections: Connections,
    number: u64,
}

impl Connections {
    /// Adds a new connection. If too many are unadmitted, another one ends.
    pub(crate) fn enter(&self, source: Source) -> (Arc<Admission>, Entry) {
        let admission = Admission::new();
        let mut table = self.table();
        if let Some(evicted) = table.to_evict(source) {
            tracing::debug!(source = ?evicted.source, "a waiting connection was closed to make room \
                for a new one");
            evicted.admission.cut();
        }
        let number = table.next;
        table.next += 1;
        table.open.insert(number, OpenConnection { source, admission: Arc::clone(&admission) });
        drop(table);
        (admission, Entry { connections: self.clone(), number })
    }

    /// Ends all connections at once.
    pub(crate) fn cut(&self) {
        for open in self.table().open.values() {
            open.admission.cut();
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Returns the connection that makes room for one from `source`: the oldest of that source if
    /// it has too many, else the oldest of the source with the most.
    fn to_evict(&self, source: Source) -> Option<&OpenConnection> {
        let waiting = || self.open.values().filter(|open| open.admission.is_unadmitted());
        let mut sources = HashMap::<Source, usize>::new();
        for open in waiting() {
            *sources.entry(open.source).or_default() += 1;
        }
        let most = sources.values().copied().max()?;
        // Connections from this machine belong to its owner, so only their total is bounded.
        if source != Source::Local
            && sources.get(&source).is_some_and(|own| *own >= MAX_UNADMITTED_PER_SOURCE)
        {
            return waiting().find(|open| open.source == source);
        }
        let full = sources.values().sum::<usize>() >= MAX_UNADMITTED;
        waiting().find(|open| full && sources.get(&open.source) == Some(&most))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.table().open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: usize) -> Source {
        Source::of(IpAddr::from([10, 0, 0, u8::try_from(n).unwrap()]))
    }

    fn of(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_a_mapped_address_is_that_of_ipv4() {
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }

    #[tokio::test]
    async fn one_address_holds_no_more_than_its_share() {
        let connections = Connections::default();
        let other = connections.enter(address(2));
        let own: Vec<_> = (0..=MAX_UNADMITTED_PER_SOURCE).map(|_| connections.enter(address(1))).collect();
        assert!(own[0].0.is_ending(), "the oldest makes room");
        assert!(own[1..].iter().chain([&other]).all(|(admission, _)| admission.is_unadmitted()));
    }

    #[tokio::test]
    async fn the_oldest_of_the_address_with_the_most_makes_room_when_all_places_are_taken() {
        let connections = Connections::default();
        let lone = connections.enter(address(200));
        let admitted = connections.enter(address(1));
        assert!(admitted.0.admit());
        let two: Vec<_> = (0..2).map(|_| connections.enter(address(1))).collect();
        let many: Vec<_> = (3..MAX_UNADMITTED).map(|n| connections.enter(address(n))).collect();
        let new = connections.enter(address(201));
        assert!(two[0].0.is_ending());
        for (admission, _) in many.iter().chain([&lone, &two[1], &new]) {
            assert!(admission.is_unadmitted());
        }
        assert!(!admitted.0.is_ending());
    }

    #[tokio::test]
    async fn a_closed_connection_frees_its_slot() {
        let connections = Connections::default();
        let mut held: Vec<_> =
            (0..MAX_UNADMITTED_PER_SOURCE).map(|_| connections.enter(address(1))).collect();
        held.pop();
        let _new = connections.enter(address(1));
        assert!(held.iter().all(|(admission, _)| admission.is_unadmitted()));
        drop(held);
        assert_eq!(connections.table().open.len(), 1);
    }

    #[tokio::test]
    async fn all_are_cut_together_admitted_or_not() {
        let connections = Connections::default();
        let all = [connections.enter(Source::Local), connections.enter(address(1))];
        all[0].0.admit();
        connections.cut();
        assert!(all.iter().all(|(admission, _)| admission.is_ending()));
    }
}
