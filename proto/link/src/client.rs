//! The worker's end: one link at a time, and a new one whenever it is lost.

use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cortex_domain::backoff::Backoff;
use cortex_domain::ports::Answer;
use cortex_domain::task::Progress;
use cortex_domain::worker::Heartbeat;
use cortex_wire::link::{Down, Up};
use cortex_wire::v1;
use futures::{Stream, StreamExt, stream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use super::dial::{self, DialError};
use super::outbox::{Receiver, Sender, outbox};
use super::{Limits, Route};
use crate::origin::{Away, Heard, Inbox, Introduction, Origin, Report};
use cortex_platform::entropy;

/// How long the origin may take to answer a hello: longer than it takes to refuse one.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Between attempts to open the link.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(50), longest: Duration::from_secs(2) };
/// Between attempts of a worker that the origin took before and now refuses: what ended that is an operator's to undo.
const REFUSED_BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(60) };
/// A link that lasted so long was no failure.
const STEADY_PERIOD: Duration = Duration::from_secs(10);

/// Where the link is and how to be let in.
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

/// Opens the link, and opens it again whenever it is lost, until it is closed. It ends, too, if the origin refuses the worker
/// before it has taken it once; afterwards a refusal is tried again, more slowly.
#[must_use]
pub fn open(dial: Dial, introduction: Introduction) -> (Arc<Link>, Inbox) {
    let link = Arc::new(Link::default());
    let stage = Stage::Away { failures: 0, backoff: BACKOFF };
    let line = Line {
        dial,
        introduction,
        link: Arc::clone(&link),
        stage,
        joined: false,
        trouble: Trouble::default(),
    };
    (link, stream::unfold(line, Line::next).boxed())
}

/// The worker's words over the link.
#[derive(Debug, Default)]
pub struct Link {
    saying: Mutex<Saying>,
    closed: CancellationToken,
}

#[derive(Debug, Default)]
enum Saying {
    #[default]
    Nowhere,
    Up(Sender),
    Closed,
}

impl Link {
    fn outbox(&self) -> Result<Sender, Away> {
        match &*self.saying() {
            Saying::Up(outbox) => Ok(outbox.clone()),
            Saying::Nowhere | Saying::Closed => Err(Away),
        }
    }

    fn saying(&self) -> MutexGuard<'_, Saying> {
        self.saying.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says over this link from now on; false if nothing more will be said.
    fn turn_to(&self, saying: Saying) -> bool {
        let mut now = self.saying();
        if matches!(*now, Saying::Closed) {
            return false;
        }
        *now = saying;
        true
    }
}

impl Origin for Link {
    fn heartbeat(&self, heartbeat: Heartbeat) -> Answer<'_, Result<(), Away>> {
        Box::pin(ready(self.outbox().and_then(|outbox| outbox.heartbeat(heartbeat))))
    }

    fn progress(&self, progress: Progress) -> Answer<'_, Result<(), Away>> {
        Box::pin(async { self.outbox()?.progress(progress).await })
    }

    fn report(&self, report: Report) -> Answer<'_, Result<(), Away>> {
        Box::pin(async { self.outbox()?.report(report).await })
    }

    /// Ends the frames; the origin ends its own once it has acted on them all.
    fn close(&self) {
        *self.saying() = Saying::Closed;
        self.closed.cancel();
    }
}

/// What is heard: a link's frames, and its comings and goings.
struct Line {
    dial: Dial,
    introduction: Introduction,
    link: Arc<Link>,
    stage: Stage,
    /// Whether the origin has ever taken this worker.
    joined: bool,
    trouble: Trouble,
}

enum Stage {
    Away { failures: u32, backoff: Backoff },
    Here { frames: Box<Streaming<v1::Down>>, since: Instant, failures: u32 },
    Over,
}

/// A link that the origin has agreed to.
struct Linked {
    frames: Streaming<v1::Down>,
    saying: Sender,
    heartbeat: Duration,
}

/// Why there is no link.
enum Unlinked {
    /// Perhaps later.
    Failed(String),
    /// Not as things are.
    Refused(String),
}

impl Unlinked {
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

/// Why there was no link the last time, so that each reason is logged once and not at every attempt.
#[derive(Default)]
struct Trouble(Option<String>);

impl Trouble {
    fn is_news(&mut self, reason: &str) -> bool {
        let news = self.0.as_deref() != Some(reason);
        if news {
            self.0 = Some(reason.to_owned());
        }
        news
    }
}

impl Line {
    async fn next(mut self) -> Option<(Heard, Self)> {
        loop {
            let (heard, stage) = match self.stage {
                Stage::Over => return None,
                Stage::Here { mut frames, since, failures } => match hear(&mut frames).await {
                    Some(heard) => (Some(heard), Stage::Here { frames, since, failures }),
                    None if self.link.turn_to(Saying::Nowhere) => {
                        let failures = if since.elapsed() < STEADY_PERIOD { failures + 1 } else { 1 };
                        (Some(Heard::Lost), Stage::Away { failures, backoff: BACKOFF })
                    }
                    None => return None,
                },
                Stage::Away { failures, backoff } => {
                    let connecting = async {
                        sleep(backoff.wait(failures, entropy::fraction())).await;
                        connect(&self.dial, &self.introduction).await
                    };
                    let connected = tokio::select! {
                        connected = connecting => connected,
                        () = self.link.closed.cancelled() => return None,
                    };
                    match connected {
                        Ok(Linked { frames, saying, heartbeat }) => {
                            if !self.link.turn_to(Saying::Up(saying)) {
                                return None;
                            }
                            self.joined = true;
                            self.trouble = Trouble::default();
                            let frames = Box::new(frames);
                            let here = Stage::Here { frames, since: Instant::now(), failures };
                            (Some(Heard::Joined { heartbeat }), here)
                        }
                        Err(Unlinked::Refused(reason)) if !self.joined => {
                            (Some(Heard::Refused { reason }), Stage::Over)
                        }
                        Err(unlinked) => {
                            let backoff = unlinked.backoff();
                            let reason = unlinked.reason();
                            if self.trouble.is_news(&reason) {
                                tracing::warn!(address = %self.dial.route, reason, "there is no link; it is tried again");
                            }
                            (None, Stage::Away { failures: failures.saturating_add(1), backoff })
                        }
                    }
                }
            };
            self.stage = stage;
            if let Some(heard) = heard {
                return Some((heard, self));
            }
        }
    }
}

async fn connect(dial: &Dial, introduction: &Introduction) -> Result<Linked, Unlinked> {
    let failed = |error: &dyn fmt::Display| Unlinked::Failed(error.to_string());
    let channel = dial::dial(&dial.route).await.map_err(|error| match error {
        DialError::WrongCertificate => Unlinked::Refused(error.to_string()),
        error => failed(&error),
    })?;
    let greeted = timeout(HELLO_TIMEOUT, greet(channel, dial, introduction())).await;
    greeted.map_err(|late| failed(&late))?.map_err(|status| match status.code() {
        Code::Unauthenticated | Code::InvalidArgument => Unlinked::Refused(status.message().to_owned()),
        // The origin's own words, which are a whole sentence.
        Code::ResourceExhausted => Unlinked::Failed(status.message().to_owned()),
        _ => failed(&status),
    })
}

async fn greet(channel: Channel, dial: &Dial, worker: Heartbeat) -> Result<Linked, Status> {
    let (saying, said) = outbox();
    let hello = stream::once(ready(Up::Hello { token: dial.token.clone(), worker }.into()));
    let mut frames = v1::link_client::LinkClient::new(channel)
        .max_decoding_message_size(dial.limits.message())
        .max_encoding_message_size(dial.limits.message())
        .open(hello.chain(frames_of(said)))
        .await?
        .into_inner();
    match frames.message().await?.map(Down::try_from) {
        Some(Ok(Down::Welcome { heartbeat })) => Ok(Linked { frames, saying, heartbeat }),
        _ => Err(Status::internal("the origin does not say welcome")),
    }
}

fn frames_of(said: Receiver) -> impl Stream<Item = v1::Up> + Send + 'static {
    stream::unfold(said, |mut said| async { Some((said.next().await?.into(), said)) })
}

/// The next frame that can be read; `None` once the link is lost.
async fn hear(frames: &mut Streaming<v1::Down>) -> Option<Heard> {
    loop {
        let frame = match frames.message().await {
            Ok(frame) => frame?,
            Err(status) => {
                tracing::debug!(%status, "the link broke");
                return None;
            }
        };
        match Down::try_from(frame) {
            Ok(Down::Job { task, context }) => return Some(Heard::Job { task, input: context }),
            Ok(Down::Cancel(cancel)) => return Some(Heard::Cancel(cancel)),
            Ok(Down::Welcome { .. }) => {}
            Err(error) => tracing::warn!(%error, "a frame from the origin can't be read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_news_once_until_it_changes() {
        let mut trouble = Trouble::default();
        let news = ["away", "away", "the id is taken", "the id is taken", "away"]
            .map(|reason| trouble.is_news(reason));
        assert_eq!(news, [true, false, true, false, true]);
    }

    #[test]
    fn a_refusal_is_tried_again_more_slowly_than_a_failure() {
        let wait = |unlinked: Unlinked| unlinked.backoff().wait(u32::MAX, 1.0);
        assert!(wait(Unlinked::Refused(String::new())) > 10 * wait(Unlinked::Failed(String::new())));
    }
}
