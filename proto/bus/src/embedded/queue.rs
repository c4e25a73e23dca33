//! One queue: the waiting messages, and the delivered messages that are not acknowledged yet. It
//! contains only state and rules. The caller provides the time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::Room;

#[derive(Debug)]
pub(super) struct Queue {
    room: Room,
    ready: VecDeque<QueuedMessage>,
    /// Messages that a consumer holds or has rejected, by the time of their redelivery.
    later: BTreeMap<Ticket, QueuedMessage>,
    bytes: usize,
    next: u64,
}

#[derive(Debug)]
struct QueuedMessage {
    id: u64,
    body: Bytes,
}

/// One delivery of a message. It is invalid once the message is redelivered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Ticket {
    again: Instant,
    id: u64,
}

impl Queue {
    pub(super) fn new(room: Room) -> Self {
        Self { room, ready: VecDeque::new(), later: BTreeMap::new(), bytes: 0, next: 0 }
    }

    /// Returns how many messages are not acknowledged.
    pub(super) fn len(&self) -> usize {
        self.ready.len() + self.later.len()
    }

    /// Adds a message. Returns false if the queue is full.
    pub(super) fn append(&mut self, body: Bytes) -> bool {
        let full = self.len() >= self.room.queued;
        if full || self.bytes + body.len() > self.room.queued_bytes {
            return false;
        }
        self.bytes += body.len();
        self.ready.push_back(QueuedMessage { id: self.next, body });
        self.next += 1;
        true
    }

    /// Returns the next message: the oldest, before messages that arrived after its first delivery.
    pub(super) fn take(&mut self, now: Instant) -> Option<(Ticket, Bytes)> {
        while let Some(due) = self.later.first_entry()
            && due.key().again <= now
        {
            let message = due.remove();
            let at = self.ready.partition_point(|other| other.id < message.id);
            self.ready.insert(at, message);
        }
        let message = self.ready.pop_front()?;
        let ticket = Ticket { again: now + self.room.ack_timeout, id: message.id };
        let body = message.body.clone();
        self.later.insert(ticket, message);
        Some((ticket, body))
    }

    pub(super) fn ack(&mut self, ticket: Ticket) {
        if let Some(message) = self.later.remove(&ticket) {
            self.bytes -= message.body.len();
        }
    }

    /// Redelivers the message at `now + pause`.
    pub(super) fn nak(&mut self, ticket: Ticket, pause: Duration, now: Instant) {
        if let Some(message) = self.later.remove(&ticket) {
            self.later.insert(Ticket { again: now + pause, id: message.id }, message);
        }
    }

    /// Returns whether a message can be taken now.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Returns when the next message can be taken, if none can be taken now.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        self.later.first_key_value().map(|(ticket, _)| ticket.again)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ACK_TIMEOUT: Duration = Duration::from_secs(10);

    fn queue(queued: usize, queued_bytes: usize) -> Queue {
        Queue::new(Room { queued, queued_bytes, ack_timeout: ACK_TIMEOUT, ..Room::default() })
    }

    fn taken(queue: &mut Queue, now: Instant) -> Option<Bytes> {
        queue.take(now).map(|(_, body)| body)
    }

    #[test]
    fn a_queue_is_bounded_and_acknowledgements_make_room() {
        let now = Instant::now();
        let mut queue = queue(2, 5);
        assert!(queue.append(Bytes::from("abc")) && !queue.append(Bytes::from("def")));
        assert!(queue.append(Bytes::from("de")) && !queue.append(Bytes::new()));
        let (ticket, _) = queue.take(now).unwrap();
        assert!(!queue.append(Bytes::new()), "what is delivered still takes room");
        queue.ack(ticket);
        queue.ack(ticket);
        assert!(queue.append(Bytes::from("fgh")));
    }

    #[test]
    fn redelivered_messages_precede_later_ones() {
        let start = Instant::now();
        let mut queue = queue(9, 99);
        for text in ["a", "b", "c"] {
            queue.append(Bytes::from(text));
        }
        let (a, _) = queue.take(start).unwrap();
        let (b, _) = queue.take(start).unwrap();
        queue.nak(b, Duration::from_secs(1), start);
        queue.nak(a, Duration::from_secs(2), start);
        assert_eq!(queue.wakes_at(), Some(start + Duration::from_secs(1)));
        let later = start + Duration::from_secs(2);
        assert_eq!(taken(&mut queue, later).unwrap(), "a");
        assert_eq!(taken(&mut queue, later).unwrap(), "b");
        assert_eq!(taken(&mut queue, later).unwrap(), "c");
        assert_eq!(taken(&mut queue, later), None);
    }

    #[derive(Clone, Debug)]
    enum Operation {
        Append,
        Take,
        Ack(usize),
        Nak(usize, u64),
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Operation> {
        prop_oneof![
            Just(Operation::Append),
            Just(Operation::Take),
            any::<usize>().prop_map(Operation::Ack),
            (any::<usize>(), 0..20u64).prop_map(|(which, seconds)| Operation::Nak(which, seconds)),
            (0..20u64).prop_map(Operation::Wait),
        ]
    }

    proptest! {
        /// Checks that every message is delivered until it is acknowledged in time, and never to
        /// two consumers at once.
        #[test]
        fn no_message_is_lost_and_acknowledged_ones_are_not_redelivered(steps in prop::collection::vec(step(), 0..200)) {
            let mut now = Instant::now();
            let mut queue = queue(16, 1024);
            let mut open = std::collections::BTreeSet::new();
            let mut out: Vec<(Ticket, u64)> = Vec::new();
            let mut count = 0u64;
            for step in steps {
                match step {
                    Operation::Append => {
                        let taken = queue.append(Bytes::from(count.to_be_bytes().to_vec()));
                        prop_assert_eq!(taken, open.len() < 16);
                        if taken {
                            open.insert(count);
                            count += 1;
                        }
                    }
                    Operation::Take => {
                        out.retain(|(ticket, _)| ticket.again > now);
                        if let Some((ticket, body)) = queue.take(now) {
                            let number = u64::from_be_bytes(body[..].try_into().unwrap());
                            prop_assert!(open.contains(&number));
                            prop_assert!(out.iter().all(|(_, other)| *other != number));
                            out.push((ticket, number));
                        }
                    }
                    Operation::Ack(which) | Operation::Nak(which, _) if out.is_empty() => { let _ = which; }
                    Operation::Ack(which) => {
                        let (ticket, number) = out.remove(which % out.len());
                        queue.ack(ticket);
                        let left = queue.later.values().chain(&queue.ready).any(|message| message.id == number);
                        prop_assert!(!left || ticket.again <= now);
                        if !left {
                            open.remove(&number);
                        }
                    }
                    Operation::Nak(which, seconds) => {
                        let (ticket, _) = out.remove(which % out.len());
                        queue.nak(ticket, Duration::from_secs(seconds), now);
                    }
                    Operation::Wait(seconds) => now += Duration::from_secs(seconds),
                }
            }
            let mut left = std::collections::BTreeSet::new();
            now += Duration::from_secs(60);
            while let Some((_, body)) = queue.take(now) {
                left.insert(u64::from_be_bytes(body[..].try_into().unwrap()));
            }
            prop_assert_eq!(left, open);
            let held: usize = queue.later.values().map(|message| message.body.len()).sum();
            prop_assert_eq!(queue.bytes, held);
        }
    }
}
