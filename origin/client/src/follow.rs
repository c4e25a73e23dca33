//! A job's log as it grows: taken up again where it stood when the stream breaks.

use std::collections::VecDeque;
use std::time::Duration;

use cortex_api::EventView;
use cortex_api::problem::ErrorView;
use cortex_domain::id::JobId;
use reqwest::Response;
use reqwest::header::ACCEPT;
use tokio::time::{sleep, timeout};

use crate::sse::{Frame, Parser};
use crate::{Api, CallError, Refused, answer};

/// The API sends a comment every 15 s, so a stream that is silent for longer is broken.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(45);
/// How long to wait before the stream is opened again, unless it names a shorter time.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How many failures without an event between them end the following.
const MAX_FAILURES: u32 = 5;

/// What is reported of a job.
#[derive(Debug)]
pub enum Update {
    Event(EventView),
    /// What its worker reports while it runs. It is sent once, to the clients that listen at that time.
    Progress(serde_json::Value),
}

/// Follows one job to its end.
#[derive(Debug)]
pub struct Follow {
    api: Api,
    id: JobId,
    stream: Option<(Response, Parser)>,
    ready: VecDeque<Update>,
    seen: Option<String>,
    retry: Duration,
    failures: u32,
    ended: bool,
}

impl Follow {
    pub(crate) fn new(api: Api, id: JobId) -> Self {
        Self {
            api,
            id,
            stream: None,
            ready: VecDeque::new(),
            seen: None,
            retry: RETRY_INTERVAL,
            failures: 0,
            ended: false,
        }
    }

    /// Returns the next event, or `None` after the one that ends the job.
    ///
    /// While the edge holds the job it reports the same hops each time, so that an event may come again.
    ///
    /// # Errors
    /// Returns an error if the API refuses, or can't be reached several times in a row.
    pub async fn next(&mut self) -> Result<Option<EventView>, CallError> {
        loop {
            match self.update().await? {
                Some(Update::Event(event)) => return Ok(Some(event)),
                Some(Update::Progress(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// Returns the next event or report of the worker, or `None` after the event that ends the job.
    ///
    /// # Errors
    /// Returns an error if the API refuses, or can't be reached several times in a row.
    pub async fn update(&mut self) -> Result<Option<Update>, CallError> {
        loop {
            if let Some(update) = self.ready.pop_front() {
                self.ended |= matches!(&update, Update::Event(event) if event.state.is_terminal());
                return Ok(Some(update));
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
                    if self.failures >= MAX_FAILURES {
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
            let opened = timeout(SILENCE_TIMEOUT, answer::send(request)).await;
            let response = opened.unwrap_or_else(|_| Err(self.silent()))?;
            self.stream = Some((response, Parser::default()));
            return Ok(());
        };
        let url = response.url().clone();
        let piece = timeout(SILENCE_TIMEOUT, response.chunk()).await;
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
            Frame::Retry(after) => self.retry = after.min(RETRY_INTERVAL),
            Frame::Event { name, data, .. } if name == "error" => {
                return Err(serde_json::from_str(&data).map_or_else(Broken::Unread, Broken::Said));
            }
            Frame::Event { name, data, .. } if name == "progress" => {
                let said = serde_json::from_str(&data).map_err(Broken::Unread)?;
                self.ready.push_back(Update::Progress(said));
            }
            Frame::Event { id, data, .. } => {
                let event = serde_json::from_str(&data).map_err(Broken::Unread)?;
                self.seen = id.or(self.seen.take());
                self.ready.push_back(Update::Event(event));
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
