//! The worker's end of the link, which reconnects whenever the link is lost.

use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cortex_domain::backoff::Backoff;
use cortex_domain::ports::Answer;
use cortex_domain::task::Progress;
use cortex_domain::worker::Heartbeat;
use cortex_wire::link::{DownFrame, UpFrame};
use cortex_wire::v1;
use futures::{Stream, StreamExt, stream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use super::dial::{self, DialError};
use super::outbox::{Receiver, Sender, outbox};
use super::{Limits, Route};
use crate::origin::{Inbound, Inbox, Introduction, Origin, OriginUnreachable, Report};
use cortex_platform::entropy;

/// How long the origin may take to answer a hello. It must exceed the delay of a rejection.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// The wait between attempts to open the link.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(50), longest: Duration::from_secs(2) };
/// The wait between attempts of a worker that the origin accepted before and now rejects. An
/// operator has to fix the cause.
const REFUSED_BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60) };
/// A link that lasted this long does not count as a failure.
const STEADY_PERIOD: Duration = Duration::from_secs(10);

/// The address of the link and the worker's credentials.
#[derive(Clone)]
pub struct Dial {
    pub route: Route,
    pub token: String,
    pub limits: Limits,
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dial").field("route", &self.route).finish_non_exhaustive()
    }
}

/// Opens the link, and reopens it whenever it is lost, until it is closed. If the origin rejects
/// the worker before it has accepted it once, the link ends. Later rejections are retried more
/// slowly.
#[must_use]
pub fn open(dial: Dial, introduction: Introduction) -> (Arc<Link>, Inbox) {
    let link = Arc::new(Link::default());
    let state = LinkState::Disconnected { failures: 0, backoff: BACKOFF };
    let connection = Connection {
        dial,
        introduction,
        link: Arc::clone(&link),
        state,
        joined: false,
        last_error: LastError::default(),
    };
    (link, stream::unfold(connection, Connection::next).boxed())
}

/// The worker's side of the link, which sends its frames.
#[derive(Debug, Default)]
pub struct Link {
    state: Mutex<SendState>,
    closed: CancellationToken,
}

#[derive(Debug, Default)]
enum SendState {
    #[default]
    Disconnected,
    Connected(Sender),
    Closed,
}

impl Link {
    fn outbox(&self) -> Result<Sender, OriginUnreachable> {
        match &*self.state() {
            SendState::Connected(outbox) => Ok(outbox.clone()),
            SendState::Disconnected | SendState::Closed => Err(OriginUnreachable),
        }
    }

    fn state(&self) -> MutexGuard<'_, SendState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the state of the sender. Returns false if the link is closed.
    fn set_state(&self, state: SendState) -> bool {
        let mut now = self.state();
        if matches!(*now, SendState::Closed) {
            return false;
        }
        *now = state;
        true
    }
}

impl Origin for Link {
    fn heartbeat(&self, heartbeat: Heartbeat) -> Answer<'_, Result<(), OriginUnreachable>> {
        Box::pin(ready(self.outbox().and_then(|outbox| outbox.heartbeat(heartbeat))))
    }

    fn progress(&self, progress: Progress) -> Answer<'_, Result<(), OriginUnreachable>> {
        Box::pin(async { self.outbox()?.progress(progress).await })
    }

    fn report(&self, report: Report) -> Answer<'_, Result<(), OriginUnreachable>> {
        Box::pin(async { self.outbox()?.report(report).await })
    }

    /// Ends the frames. The origin ends its own once it has processed them all.
    fn close(&self) {
        *self.state() = SendState::Closed;
        self.closed.cancel();
    }
}

/// The stream of inbound frames and connection changes.
struct Connection {
    dial: Dial,
    introduction: Introduction,
    link: Arc<Link>,
    state: LinkState,
    /// Whether the origin has ever accepted this worker.
    joined: bool,
    last_error: LastError,
}

enum LinkState {
    Disconnected { failures: u32, backoff: Backoff },
    Connected { frames: Box<Streaming<v1::Down>>, since: Instant, failures: u32 },
    Ended,
}

/// A link that the origin has accepted.
struct OpenLink {
    frames: Streaming<v1::Down>,
    outbox: Sender,
    heartbeat: Duration,
}

/// Why the link could not be opened.
enum ConnectError {
    /// Another attempt may succeed.
    Failed(String),
    /// The origin rejected the worker or showed another certificate.
    Refused(String),
}

impl ConnectError {
    fn backoff(&self) -> Backoff {
        match self {
            Self::Failed(_) => BACKOFF,
            Self::Refused(_) => REFUSED_BACKOFF,
        }
    }

    fn reason(self) -> String {
        match self {
            Self::Failed(reason) | Self::Refused(reason) => reason,
        }
    }
}

/// The last connection error, so that each reason is logged only once and not at every attempt.
#[derive(Default)]
struct LastError(Option<String>);

impl LastError {
    fn is_new(&mut self, reason: &str) -> bool {
        let news = self.0.as_deref() != Some(reason);
        if news {
            self.0 = Some(reason.to_owned());
        }
        news
    }
}

impl Connection {
    async fn next(mut self) -> Option<(Inbound, Self)> {
        loop {
            let (inbound, state) = match self.state {
                LinkState::Ended => return None,
                LinkState::Connected { mut frames, since, failures } => match next_message(&mut frames).await
                {
                    Some(inbound) => (Some(inbound), LinkState::Connected { frames, since, failures }),
                    None if self.link.set_state(SendState::Disconnected) => {
                        let failures = if since.elapsed() < STEADY_PERIOD { failures + 1 } else { 1 };
                        (Some(Inbound::Lost), LinkState::Disconnected { failures, backoff: BACKOFF })
                    }
                    None => return None,
                },
                LinkState::Disconnected { failures, backoff } => {
                    let connecting = async {
                        sleep(backoff.wait(failures, entropy::fraction())).await;
                        connect(&self.dial, &self.introduction).await
                    };
                    let connected = tokio::select! {
                        connected = connecting => connected,
                        () = self.link.closed.cancelled() => return None,
                    };
                    match connected {
                        Ok(OpenLink { frames, outbox, heartbeat }) => {
                            if !self.link.set_state(SendState::Connected(outbox)) {
                                return None;
                            }
                            self.joined = true;
                            self.last_error = LastError::default();
                            let frames = Box::new(frames);
                            let here = LinkState::Connected { frames, since: Instant::now(), failures };
                            (Some(Inbound::Joined { heartbeat }), here)
                        }
                        Err(ConnectError::Refused(reason)) if !self.joined => {
                            (Some(Inbound::Refused { reason }), LinkState::Ended)
                        }
                        Err(error) => {
                            let backoff = error.backoff();
                            let reason = error.reason();
                            if self.last_error.is_new(&reason) {
                                tracing::warn!(address = %self.dial.route, reason, "the link to the \
                                    origin failed; retrying");
                            }
                            (None, LinkState::Disconnected { failures: failures.saturating_add(1), backoff })
                        }
                    }
                }
            };
            self.state = state;
            if let Some(inbound) = inbound {
                return Some((inbound, self));
            }
        }
    }
}

async fn connect(dial: &Dial, introduction: &Introduction) -> Result<OpenLink, ConnectError> {
    let failed = |error: &dyn fmt::Display| ConnectError::Failed(error.to_string());
    let channel = dial::dial(&dial.route).await.map_err(|error| match error {
        DialError::WrongCertificate => ConnectError::Refused(error.to_string()),
        error => failed(&error),
    })?;
    let greeted = timeout(HELLO_TIMEOUT, greet(channel, dial, introduction())).await;
    greeted.map_err(|late| failed(&late))?.map_err(|status| match status.code() {
        Code::Unauthenticated | Code::InvalidArgument => ConnectError::Refused(status.message().to_owned()),
        // The origin's message is a complete sentence.
        Code::ResourceExhausted => ConnectError::Failed(status.message().to_owned()),
        _ => failed(&status),
    })
}

async fn greet(channel: Channel, dial: &Dial, worker: Heartbeat) -> Result<OpenLink, Status> {
    let (outbox, messages) = outbox();
    let hello = stream::once(ready(UpFrame::Hello { token: dial.token.clone(), worker }.into()));
    let mut frames = v1::link_client::LinkClient::new(channel)
        .max_decoding_message_size(dial.limits.message())
        .max_encoding_message_size(dial.limits.message())
        .open(hello.chain(frames_of(messages)))
        .await?
        .into_inner();
    match frames.message().await?.map(DownFrame::try_from) {
        Some(Ok(DownFrame::Welcome { heartbeat })) => Ok(OpenLink { frames, outbox, heartbeat }),
        _ => Err(Status::internal("the origin did not send a welcome frame")),
    }
}

fn frames_of(messages: Receiver) -> impl Stream<Item = v1::Up> + Send + 'static {
    stream::unfold(messages, |mut messages| async { Some((messages.next().await?.into(), messages)) })
}

/// Returns the next valid frame, or `None` once the link is lost.
async fn next_message(frames: &mut Streaming<v1::Down>) -> Option<Inbound> {
    loop {
        let frame = match frames.message().await {
            Ok(frame) => frame?,
            Err(status) => {
                tracing::debug!(%status, "the link broke");
                return None;
            }
        };
        match DownFrame::try_from(frame) {
            Ok(DownFrame::Job { task, context }) => return Some(Inbound::Job { task, input: context }),
            Ok(DownFrame::Cancel(cancel)) => return Some(Inbound::Cancel(cancel)),
            Ok(DownFrame::Welcome { .. }) => {}
            Err(error) => tracing::warn!(%error, "a frame from the origin could not be decoded"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_new_once_until_it_changes() {
        let mut last_error = LastError::default();
        let news = ["away", "away", "the id is taken", "the id is taken", "away"]
            .map(|reason| last_error.is_new(reason));
        assert_eq!(news, [true, false, true, false, true]);
    }

    #[test]
    fn a_rejection_is_retried_more_slowly_than_a_failure() {
        let wait = |error: ConnectError| error.backoff().wait(u32::MAX, 1.0);
        assert!(wait(ConnectError::Refused(String::new())) > 10 * wait(ConnectError::Failed(String::new())));
    }
}
