//! Replies to requests, and receipts of deliveries.

use std::fmt;
use std::time::Duration;

use async_nats::Subject as NatsSubject;
use async_nats::client::Client;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::message::Acker;
use bytes::Bytes;
use cortex_domain::ports::{Receipt, Reply};

/// Replies to one request.
pub(super) struct Responder {
    client: Client,
    to: NatsSubject,
}

impl Responder {
    pub(super) fn new(client: Client, to: NatsSubject) -> Self {
        Self { client, to }
    }
}

impl Reply for Responder {
    fn send(self: Box<Self>, body: Bytes) {
        tokio::spawn(async move {
            if let Err(error) = self.client.publish(self.to, body).await {
                tracing::debug!(%error, "a reply was not sent");
            }
        });
    }
}

/// Settles one delivery.
pub(super) struct Acknowledgement(Acker);

impl Acknowledgement {
    pub(super) fn new(acker: Acker) -> Self {
        Self(acker)
    }

    /// Sends it. If it is lost, the message is delivered again.
    fn send(self, kind: AckKind) {
        tokio::spawn(async move {
            if let Err(error) = self.0.ack_with(kind).await {
                tracing::debug!(%error, "an acknowledgement was not sent");
            }
        });
    }
}

impl Receipt for Acknowledgement {
    fn ack(self: Box<Self>) {
        self.send(AckKind::Ack);
    }

    fn nak(self: Box<Self>, pause: Duration) {
        self.send(AckKind::Nak(Some(pause)));
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Responder")
    }
}

impl fmt::Debug for Acknowledgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acknowledgement")
    }
}
