//! The bus on a NATS server. Requests and events travel over core NATS, and queues are a JetStream
//! stream. The bus is only a transport: the store sends again what the server loses.

mod connection;
mod depths;
mod error;
mod events;
mod files;
mod flush;
mod options;
mod permissions;
mod queue;
mod receipt;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::client::{Client, RequestErrorKind};
use async_nats::jetstream::{self, Context};
use async_nats::{HeaderMap, Request as NatsRequest, Subscriber};
use bytes::Bytes;
use cortex_domain::ports::{
    Answer, AppendError, Bus, BusError, Delivery, Event, MessageId, Rejection, Request, RequestError,
    Subscription,
};
use cortex_domain::subject::{Filter, Published, Queued, Requested, Subject};
use cortex_platform::metrics::Registry;
use futures::StreamExt;

use crate::metrics::Metrics;

use connection::Connection;
use depths::Depths;
pub use error::NatsError;
use events::Outgoing;
pub use files::{NatsFiles, NatsUserKey};
pub use flush::NatsFlush;
pub use options::NatsOptions;
pub use permissions::{WorkerPermissions, worker_permissions};
use queue::Consumer;
use receipt::Responder;

/// The group in which the responders of a filter share its requests.
const GROUP: &str = "cortex";
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(5);

/// The bus on a NATS server. Clones share the same connection.
#[derive(Clone)]
pub struct Nats(Arc<Shared>);

struct Shared {
    client: Client,
    jetstream: Context,
    connection: Connection,
    outgoing: Outgoing,
    options: NatsOptions,
    flush: NatsFlush,
    metrics: Metrics,
    depths: Depths,
}

impl Nats {
    /// Connects to the server, and creates its stream if it is missing, unless this is a worker.
    ///
    /// # Errors
    /// Returns an error if the server does not respond, refuses the credentials, has no JetStream or
    /// has another stream in the place of this one.
    pub async fn connect(options: NatsOptions) -> Result<Self, NatsError> {
        let metrics = Metrics::default();
        let connection = Connection::new(metrics.dropped.slow_subscriber.clone());
        let client = connection.open(&options).await?;
        let jetstream = jetstream::new(client.clone());
        let flush = match options.worker {
            Some(_) => NatsFlush::Unknown,
            None => {
                queue::declare(&jetstream, &options).await?;
                let flush = flush::read(&client).await;
                flush.warn(options.server());
                flush
            }
        };
        let outgoing = Outgoing::start(client.clone(), connection.clone(), metrics.dropped.clone());
        Ok(Self(Arc::new(Shared {
            client,
            jetstream,
            connection,
            outgoing,
            options,
            flush,
            metrics,
            depths: Depths::default(),
        })))
    }

    /// Returns whether the server flushes every message that it confirms.
    #[must_use]
    pub fn flush(&self) -> &NatsFlush {
        &self.0.flush
    }

    /// Adds the metrics of the bus to those of the process.
    pub fn register(&self, registry: &Registry) {
        self.0.metrics.register(registry);
        self.0.depths.register(registry);
    }

    /// Sets the gauges of the queues, before the metrics are read.
    pub async fn measure(&self) {
        self.0.depths.measure(&self.0.jetstream).await;
    }

    /// Closes the bus. Subscriptions end.
    pub async fn close(&self) {
        self.0.connection.close();
        if let Err(error) = self.0.client.drain().await {
            tracing::debug!(%error, "the connection to NATS did not drain");
        }
    }

    /// Subscribes, and waits until the server knows of it: a message that any process sends from then
    /// on arrives.
    async fn listen(&self, filter: &str, group: Option<&str>) -> Result<Subscriber, BusError> {
        let lost = self.0.connection.lost()?;
        let filter = filter.to_owned();
        let subscribing = async {
            let subscribed = match group {
                Some(group) => self.0.client.queue_subscribe(filter, group.to_owned()).await,
                None => self.0.client.subscribe(filter).await,
            };
            let subscriber = subscribed.map_err(broken)?;
            self.processed().await?;
            Ok(subscriber)
        };
        tokio::select! {
            subscribed = tokio::time::timeout(SUBSCRIBE_TIMEOUT, subscribing) => {
                subscribed.unwrap_or_else(|_| Err(broken("the server does not respond")))
            }
            error = lost => Err(error),
        }
    }

    /// Waits until the server has processed all that was sent before. It takes the messages of a
    /// connection in order, and answers a request that has no responder itself.
    async fn processed(&self) -> Result<(), BusError> {
        let probe = NatsRequest::new().timeout(Some(SUBSCRIBE_TIMEOUT));
        match self.0.client.send_request(self.0.client.new_inbox(), probe).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == RequestErrorKind::NoResponders => Ok(()),
            Err(error) => Err(broken(error)),
        }
    }

    async fn ask(
        &self,
        subject: Subject<Requested>,
        body: Bytes,
        within: Duration,
    ) -> Result<Bytes, RequestError> {
        let lost = self.0.connection.lost()?;
        let request = NatsRequest::new().payload(body).timeout(Some(within));
        let asking = self.0.client.send_request(subject.as_str().to_owned(), request);
        let answered = tokio::select! {
            answered = asking => answered,
            error = lost => return Err(error.into()),
        };
        answered.map(|message| message.payload).map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => RequestError::NoResponder(subject),
            RequestErrorKind::TimedOut => RequestError::Unanswered(subject),
            _ => broken(error).into(),
        })
    }

    async fn queue(
        &self,
        subject: Subject<Queued>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(), AppendError> {
        self.0.metrics.queued.inc();
        let lost = self.0.connection.lost()?;
        let appending = queue::append(&self.0.jetstream, &self.0.options, subject, headers, body);
        tokio::select! {
            appended = appending => appended,
            error = lost => Err(error.into()),
        }
    }
}

impl Bus for Nats {
    fn request(
        &self,
        subject: Subject<Requested>,
        body: Bytes,
        within: Duration,
    ) -> Answer<'_, Result<Bytes, RequestError>> {
        self.0.metrics.requests.inc();
        Box::pin(self.ask(subject, body, within))
    }

    fn respond(
        &self,
        filter: Filter<Requested>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Request>>, BusError>> {
        Box::pin(async move {
            let subscriber = self.listen(filter.as_str(), Some(GROUP)).await?;
            Ok(Box::new(Requests { filter, subscriber, bus: self.clone() }) as _)
        })
    }

    fn respond_beside_others(
        &self,
        filter: Filter<Requested>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Request>>, BusError>> {
        Box::pin(async move {
            let subscriber = self.listen(filter.as_str(), None).await?;
            Ok(Box::new(Requests { filter, subscriber, bus: self.clone() }) as _)
        })
    }

    fn publish(&self, subject: Subject<Published>, body: Bytes) {
        self.0.metrics.events.inc();
        self.0.outgoing.publish(subject, body);
    }

    fn subscribe(
        &self,
        filter: Filter<Published>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Event>>, BusError>> {
        Box::pin(async move {
            let subscriber = self.listen(filter.as_str(), None).await?;
            Ok(Box::new(Events { filter, subscriber, bus: self.clone() }) as _)
        })
    }

    fn append(&self, subject: Subject<Queued>, body: Bytes) -> Answer<'_, Result<(), AppendError>> {
        Box::pin(self.queue(subject, HeaderMap::new(), body))
    }

    fn append_once(
        &self,
        subject: Subject<Queued>,
        id: MessageId,
        body: Bytes,
    ) -> Answer<'_, Result<(), AppendError>> {
        let headers = queue::id_header(&subject, id, &body);
        Box::pin(self.queue(subject, headers, body))
    }

    fn consume(
        &self,
        subject: Subject<Queued>,
    ) -> Answer<'_, Result<Box<dyn Subscription<Delivery>>, BusError>> {
        Box::pin(async move {
            let connection = self.0.connection.clone();
            let consumer =
                Consumer::start(self.0.jetstream.clone(), self.0.options.clone(), connection, subject)
                    .await?;
            Ok(Box::new(consumer) as _)
        })
    }

    fn take_queue(&self, subject: Subject<Queued>) -> Answer<'_, Result<(), BusError>> {
        Box::pin(async move {
            let lost = self.0.connection.lost()?;
            tokio::select! {
                taken = queue::delete_consumer(&self.0.jetstream, &subject) => taken,
                error = lost => Err(error),
            }
        })
    }

    fn reject(&self, family: &'static str, rejection: Rejection, cause: &dyn fmt::Display) {
        self.0.metrics.rejections.count(family, rejection, cause);
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats").field("server", &self.0.options.server()).finish_non_exhaustive()
    }
}

struct Requests {
    filter: Filter<Requested>,
    subscriber: Subscriber,
    bus: Nats,
}

impl Subscription<Request> for Requests {
    fn next(&mut self) -> Answer<'_, Option<Request>> {
        Box::pin(async move {
            loop {
                let message = self.bus.0.connection.until_closed(self.subscriber.next()).await??;
                let subject = self.filter.received(&message.subject);
                // A message without a reply subject, or on another subject, is not from a bus.
                if let (Some(subject), Some(reply)) = (subject, message.reply) {
                    let reply = Box::new(Responder::new(self.bus.0.client.clone(), reply));
                    return Some(Request { subject, body: message.payload, reply });
                }
                self.bus.0.metrics.dropped.foreign.inc();
            }
        })
    }
}

struct Events {
    filter: Filter<Published>,
    subscriber: Subscriber,
    bus: Nats,
}

impl Subscription<Event> for Events {
    fn next(&mut self) -> Answer<'_, Option<Event>> {
        Box::pin(async move {
            loop {
                let message = self.bus.0.connection.until_closed(self.subscriber.next()).await??;
                match self.filter.received(&message.subject) {
                    Some(subject) => return Some(Event { subject, body: message.payload }),
                    None => self.bus.0.metrics.dropped.foreign.inc(),
                }
            }
        })
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Requests").field(&self.filter).finish()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Events").field(&self.filter).finish()
    }
}

fn broken(error: impl fmt::Display) -> BusError {
    BusError::Broken(error.to_string())
}
