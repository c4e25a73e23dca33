//! Queues: one work-queue stream, with a durable consumer for each subject.

use std::error::Error as _;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{GetStreamErrorKind, PublishErrorKind};
use async_nats::jetstream::stream::{
    self, ConsumerError, ConsumerErrorKind, DiscardPolicy, RetentionPolicy, StorageType,
};
use async_nats::jetstream::{self, Context, ErrorCode};
use bytes::Bytes;
use cortex_domain::ports::{Answer, AppendError, BusError, Delivery, MessageId, Subscription};
use cortex_domain::share::Share;
use cortex_domain::subject::{Queued, Subject};
use futures::StreamExt;

use super::broken;
use super::connection::Connection;
use super::error::NatsError;
use super::options::NatsOptions;
use super::receipt::Acknowledgement;

pub(super) const STREAM: &str = "CORTEX";
/// Within what time a message with the same id is recognised.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);
const APPEND_TIMEOUT: Duration = Duration::from_secs(5);
/// How many messages one process takes at a time.
const PREFETCH: usize = 64;
/// Maximum number of deliveries that are not acknowledged.
const MAX_UNACKNOWLEDGED: i64 = 16_384;
/// How long a pull waits for messages, and how often the server says that it still does.
const PULL_EXPIRY: Duration = Duration::from_secs(30);
const PULL_HEARTBEAT: Duration = Duration::from_secs(5);
/// After what time without a message the consumer is checked.
const IDLE_CHECK: Duration = Duration::from_secs(2 * PULL_HEARTBEAT.as_secs());
const RESTART_DELAY: Duration = Duration::from_millis(200);

/// The queues of all shares.
pub(super) fn subjects() -> impl Iterator<Item = Subject<Queued>> {
    Share::all().flat_map(|share| [Subject::submit(share), Subject::result(share)])
}

/// Creates the stream if it is missing. The limits of an existing one are its operator's.
pub(super) async fn declare(jetstream: &Context, options: &NatsOptions) -> Result<(), NatsError> {
    let server = || options.server().to_owned();
    let no_jetstream = |cause: String| NatsError::NoJetStream { server: server(), cause };
    let wanted = stream::Config {
        name: STREAM.into(),
        subjects: Subject::ALL.map(str::to_owned).to_vec(),
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_messages: options.max_messages,
        max_bytes: options.max_bytes,
        duplicate_window: DUPLICATE_WINDOW,
        ..stream::Config::default()
    };
    let found = match jetstream.get_stream(STREAM).await {
        Ok(found) => found.cached_info().config.clone(),
        Err(error) if matches!(error.kind(), GetStreamErrorKind::JetStream(_)) => {
            // Another process may have created it meanwhile.
            let made = jetstream.get_or_create_stream(wanted.clone()).await;
            made.map_err(|error| no_jetstream(error.to_string()))?.cached_info().config.clone()
        }
        Err(error) => return Err(no_jetstream(error.to_string())),
    };
    let has = |subject: &String| found.subjects.contains(subject);
    // A stream in memory, or one that removes old messages for new ones, loses what it confirmed.
    let keeps = found.retention == wanted.retention
        && found.discard == wanted.discard
        && found.storage == wanted.storage;
    if !keeps || !wanted.subjects.iter().all(has) {
        return Err(NatsError::OtherStream { server: server(), stream: STREAM });
    }
    Ok(())
}

/// Returns the header by which the server recognises a message that is sent again. The body is part
/// of it, because a store that was put back to an older copy uses its numbers again.
pub(super) fn id_header(subject: &Subject<Queued>, id: MessageId, body: &Bytes) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    headers.insert("Nats-Msg-Id", format!("{subject}:{}:{:016x}", id.0, hasher.finish()));
    headers
}

/// Queues a message. If the server has lost the stream, it is created again.
pub(super) async fn append(
    jetstream: &Context,
    options: &NatsOptions,
    subject: Subject<Queued>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(), AppendError> {
    for last in [false, true] {
        let Err(error) = publish(jetstream, &subject, headers.clone(), body.clone()).await else {
            return Ok(());
        };
        match error.kind() {
            PublishErrorKind::StreamNotFound if !last && options.worker.is_none() => {
                declare(jetstream, options).await.map_err(broken)?;
            }
            _ if is_full(&error) => return Err(AppendError::Full(subject)),
            _ => return Err(broken(error).into()),
        }
    }
    Err(BusError::Broken("the stream is gone".into()).into())
}

async fn publish(
    jetstream: &Context,
    subject: &Subject<Queued>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(), jetstream::context::PublishError> {
    let publishing = async {
        jetstream.publish_with_headers(subject.as_str().to_owned(), headers, body).await?.await.map(drop)
    };
    let timed_out = |_| Err(jetstream::context::PublishError::new(PublishErrorKind::TimedOut));
    tokio::time::timeout(APPEND_TIMEOUT, publishing).await.unwrap_or_else(timed_out)
}

/// How the server says that there is no room: by a limit of the stream, of the account or of the
/// server.
const FULL: [ErrorCode; 5] = [
    ErrorCode::STREAM_STORE_FAILED,
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::MEMORY_RESOURCES_EXCEEDED,
    ErrorCode::INSUFFICIENT_RESOURCES,
];

fn is_full(error: &jetstream::context::PublishError) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    cause.is_some_and(|cause| FULL.contains(&cause.error_code()))
}

fn consumer_name(subject: &Subject<Queued>) -> String {
    subject.as_str().replace('.', "-")
}

/// Deletes the consumer of a queue, with the deliveries that are not acknowledged. The messages stay
/// in the stream.
pub(super) async fn delete_consumer(jetstream: &Context, subject: &Subject<Queued>) -> Result<(), BusError> {
    match jetstream.delete_consumer_from_stream(consumer_name(subject), STREAM).await {
        Ok(_) => Ok(()),
        Err(error) if is_missing(&error) => Ok(()),
        Err(error) => Err(broken(error)),
    }
}

fn is_missing(error: &ConsumerError) -> bool {
    match error.kind() {
        ConsumerErrorKind::JetStream(error) => {
            [ErrorCode::CONSUMER_NOT_FOUND, ErrorCode::STREAM_NOT_FOUND].contains(&error.error_code())
        }
        _ => false,
    }
}

/// A consumer that is started again when the server or the client has lost it.
pub(super) struct Consumer {
    jetstream: Context,
    options: NatsOptions,
    connection: Connection,
    subject: Subject<Queued>,
    current: Option<Current>,
}

/// The consumer on the server, and the messages that it delivers.
struct Current {
    consumer: PullConsumer,
    messages: pull::Stream,
}

impl Consumer {
    pub(super) async fn start(
        jetstream: Context,
        options: NatsOptions,
        connection: Connection,
        subject: Subject<Queued>,
    ) -> Result<Self, BusError> {
        connection.check()?;
        let mut consumer = Self { jetstream, options, connection, subject, current: None };
        consumer.current = Some(consumer.open().await?);
        Ok(consumer)
    }

    async fn open(&self) -> Result<Current, BusError> {
        declare(&self.jetstream, &self.options).await.map_err(broken)?;
        let name = consumer_name(&self.subject);
        let config = pull::Config {
            durable_name: Some(name.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.options.ack_timeout,
            max_ack_pending: MAX_UNACKNOWLEDGED,
            filter_subject: self.subject.as_str().to_owned(),
            ..pull::Config::default()
        };
        // Creating a consumer that exists with the same settings changes nothing.
        let consumer: PullConsumer =
            self.jetstream.create_consumer_on_stream(config, STREAM).await.map_err(broken)?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(PREFETCH)
            .expires(PULL_EXPIRY)
            .heartbeat(PULL_HEARTBEAT)
            .messages()
            .await
            .map_err(broken)?;
        Ok(Current { consumer, messages })
    }

    /// Waits for a message of the current consumer. Returns `None` if it must be started again.
    async fn delivered(&mut self) -> Option<Delivery> {
        let Current { consumer, messages } = self.current.as_mut()?;
        loop {
            match tokio::time::timeout(IDLE_CHECK, messages.next()).await {
                Ok(Some(Ok(message))) => {
                    let (message, acker) = message.split();
                    let receipt = Box::new(Acknowledgement::new(acker));
                    return Some(Delivery { body: message.payload, receipt });
                }
                Ok(Some(Err(error))) => {
                    tracing::debug!(%error, "a consumer of NATS failed");
                    return None;
                }
                Ok(None) => return None,
                // The client's consumer may be dead without an error.
                Err(_) => match consumer.info().await {
                    Ok(info) if info.num_pending > 0 || info.num_waiting == 0 => return None,
                    Ok(_) => {}
                    Err(_) => return None,
                },
            }
        }
    }

    async fn next(&mut self) -> Delivery {
        loop {
            if let Some(delivery) = self.delivered().await {
                return delivery;
            }
            self.current = None;
            while self.current.is_none() {
                tokio::time::sleep(RESTART_DELAY).await;
                match self.open().await {
                    Ok(current) => self.current = Some(current),
                    Err(error) => {
                        tracing::debug!(%error, subject = %self.subject, "a queue can't be consumed")
                    }
                }
            }
        }
    }
}

impl Subscription<Delivery> for Consumer {
    fn next(&mut self) -> Answer<'_, Option<Delivery>> {
        Box::pin(async move {
            let connection = self.connection.clone();
            if connection.is_closed() {
                return None;
            }
            connection.until_closed(Self::next(self)).await
        })
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Consumer").field(&self.subject).finish()
    }
}
