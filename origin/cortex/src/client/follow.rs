//! A job's log as it grows: taken up again where it stood when the stream breaks.

use std::collections::VecDeque;
use std::time::Duration;

use cortex_api::EventView;
use cortex_api::problem::ErrorView;
use cortex_domain::id::JobId;
use reqwest::Response;
use reqwest::header::ACCEPT;
use tokio::time::{sleep, timeout};

use super::sse::{Frame, Parser};
use super::{Api, CallError, Refused, answer};

/// The API sends a comment every 15 s, so a stream that is silent for longer is broken.
const SILENCE: Duration = Duration::from_secs(45);
/// Before the next look, unless the stream says otherwise.
const RETRY: Duration = Duration::from_secs(1);
/// Failures without an event between them, before it is given up.
const FAILURES: u32 = 5;

/// What is told of a job.
#[derive(Debug)]
pub(crate) enum Told {
    Event(EventView),
    /// What its worker says while it runs; told once, and only to whoever listens at that time.
    Progress(serde_json::Value),
}

/// Follows one job to its end.
#[derive(Debug)]
pub(crate) struct Follow {
    api: Api,
    id: JobId,
    stream: Option<(Response, Parser)>,
    ready: VecDeque<Told>,
    seen: Option<String>,
    retry: Duration,
    failures: u32,
    ended: bool,
}

impl Follow {
    pub(super) fn new(api: Api, id: JobId) -> Self {
        Self {
            api,
            id,
            stream: None,
            ready: VecDeque::new(),
            seen: None,
            retry: RETRY,
            failures: 0,
            ended: false,
        }
    }

    /// The next event; none after the one that ends the job.
    ///
    /// While the edge holds the job it tells the same hops at each look, so an event may come again.
    ///
    /// # Errors
    /// If the API refuses, or can't be reached several times in a row.
    pub(crate) async fn next(&mut self) -> Result<Option<EventView>, CallError> {
        loop {
            match self.told().await? {
                Some(Told::Event(event)) => return Ok(Some(event)),
                Some(Told::Progress(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// The next event, or word of the worker's, like [`Self::next`].
    pub(crate) async fn told(&mut self) -> Result<Option<Told>, CallError> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                self.ended |= matches!(&told, Told::Event(event) if event.state.is_terminal());
                return Ok(Some(told));
            }
            if self.ended {
                return Ok(None);
            }
            match self.advance().await {
                Ok(()) => {}
                Err(CallError::Refused(refused)) if !refused.status.is_server_error() => {
                    return Err(CallError::Refused(refused));
                }
                Err(error) => {
                    self.stream = None;
                    self.failures += 1;
                    if self.failures >= FAILURES {
                        return Err(error);
                    }
                    sleep(self.retry).await;
                }
            }
        }
    }

    /// Reads the next piece of the stream, or opens it.
    async fn advance(&mut self) -> Result<(), CallError> {
        let Some((response, parser)) = &mut self.stream else {
            let mut request = self.api.stream(self.id).header(ACCEPT, "text/event-stream");
            if let Some(seen) = &self.seen {
                request = request.header("last-event-id", seen);
            }
            let opened = timeout(SILENCE, answer::send(request)).await;
            let response = opened.unwrap_or_else(|_| Err(self.silent()))?;
            self.stream = Some((response, Parser::default()));
            return Ok(());
        };
        let url = response.url().clone();
        let piece = timeout(SILENCE, response.chunk()).await;
        let frames = match piece {
            Err(_) => return Err(self.silent()),
            Ok(Err(error)) => return Err(CallError::unreachable(&url, &error)),
            Ok(Ok(Some(bytes))) => {
                parser.feed(&bytes).map_err(|_| CallError::unreadable(&url, "an event does not end"))?
            }
            Ok(Ok(None)) => {
                self.stream = None;
                sleep(self.retry).await;
                return Ok(());
            }
        };
        for frame in frames {
            self.take(frame).map_err(|cause| match cause {
                Broken::Said(view) => CallError::Refused(Refused::of_stream(view)),
                Broken::Unread(cause) => CallError::unreadable(&url, cause),
            })?;
        }
        Ok(())
    }

    fn take(&mut self, frame: Frame) -> Result<(), Broken> {
        match frame {
            Frame::Retry(after) => self.retry = after.min(RETRY),
            Frame::Event { name, data, .. } if name == "error" => {
                return Err(serde_json::from_str(&data).map_or_else(Broken::Unread, Broken::Said));
            }
            Frame::Event { name, data, .. } if name == "progress" => {
                let said = serde_json::from_str(&data).map_err(Broken::Unread)?;
                self.ready.push_back(Told::Progress(said));
            }
            Frame::Event { id, data, .. } => {
                let event = serde_json::from_str(&data).map_err(Broken::Unread)?;
                self.seen = id.or(self.seen.take());
                self.ready.push_back(Told::Event(event));
                self.failures = 0;
            }
        }
        Ok(())
    }

    fn silent(&self) -> CallError {
        let cause = "the stream fell silent".to_owned();
        CallError::Unreachable { url: self.api.base.origin().ascii_serialization(), cause }
    }
}

enum Broken {
    Said(ErrorView),
    Unread(serde_json::Error),
}
