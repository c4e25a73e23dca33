//! Follows a job's event stream. After a break it reconnects and resumes at the last event.

use std::collections::VecDeque;
use std::time::Duration;

use cortex_api::EventView;
use cortex_api::problem::ErrorView;
use cortex_domain::id::JobId;
use reqwest::Response;
use reqwest::header::ACCEPT;
use tokio::time::{sleep, timeout};

use crate::sse::{SseFrame, SseParser};
use crate::{Api, ApiError, CallError, response};

/// How long a stream may send nothing. The API sends a comment every 15 s, so a longer silence is a
/// break.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);
/// How long to wait before a reconnect, unless the stream names a shorter time.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How many failures in a row, with no event between them, end the stream.
const MAX_FAILURES: u32 = 5;

/// One report about a job.
#[derive(Debug)]
pub enum JobUpdate {
    Event(EventView),
    /// The progress that the worker reports while it runs the job. The API sends it once, to the
    /// clients that are connected at that time.
    Progress(serde_json::Value),
}

/// Follows one job to its end.
#[derive(Debug)]
pub struct JobFollower {
    api: Api,
    id: JobId,
    stream: Option<(Response, SseParser)>,
    ready: VecDeque<JobUpdate>,
    seen: Option<String>,
    retry: Duration,
    failures: u32,
    ended: bool,
}

impl JobFollower {
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
    /// While the edge holds the job, it reports the same hops after each reconnect, so an event may
    /// repeat.
    ///
    /// # Errors
    /// Returns an error if the API refuses the request, or can't be reached several times in a row.
    pub async fn next(&mut self) -> Result<Option<EventView>, CallError> {
        loop {
            match self.update().await? {
                Some(JobUpdate::Event(event)) => return Ok(Some(event)),
                Some(JobUpdate::Progress(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// Returns the next event or progress report, or `None` after the event that ends the job.
    ///
    /// # Errors
    /// Returns an error if the API refuses the request, or can't be reached several times in a row.
    pub async fn update(&mut self) -> Result<Option<JobUpdate>, CallError> {
        loop {
            if let Some(update) = self.ready.pop_front() {
                self.ended |= matches!(&update, JobUpdate::Event(event) if event.state.is_terminal());
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

    /// Reads the next bytes of the stream, or opens it.
    async fn advance(&mut self) -> Result<(), CallError> {
        let Some((response, parser)) = &mut self.stream else {
            let mut request = self.api.stream(self.id).header(ACCEPT, "text/event-stream");
            if let Some(seen) = &self.seen {
                request = request.header("last-event-id", seen);
            }
            let opened = timeout(IDLE_TIMEOUT, response::send(request)).await;
            let response = opened.unwrap_or_else(|_| Err(CallError::idle(&self.api.base)))?;
            self.stream = Some((response, SseParser::default()));
            return Ok(());
        };
        let url = response.url().clone();
        let piece = timeout(IDLE_TIMEOUT, response.chunk()).await;
        let frames = match piece {
            Err(_) => return Err(CallError::idle(&self.api.base)),
            Ok(Err(error)) => return Err(CallError::unreachable(&url, &error)),
            Ok(Ok(Some(bytes))) => {
                parser.feed(&bytes).map_err(|error| CallError::invalid_response(&url, error))?
            }
            Ok(Ok(None)) => {
                self.stream = None;
                sleep(self.retry).await;
                return Ok(());
            }
        };
        for frame in frames {
            self.take(frame).map_err(|cause| match cause {
                StreamFault::Reported(view) => CallError::Refused(ApiError::of_stream(view)),
                StreamFault::Invalid(cause) => CallError::invalid_response(&url, cause),
            })?;
        }
        Ok(())
    }

    fn take(&mut self, frame: SseFrame) -> Result<(), StreamFault> {
        match frame {
            SseFrame::Retry(after) => self.retry = after.min(RETRY_INTERVAL),
            SseFrame::Event { name, data, .. } if name == "error" => {
                return Err(
                    serde_json::from_str(&data).map_or_else(StreamFault::Invalid, StreamFault::Reported)
                );
            }
            SseFrame::Event { name, data, .. } if name == "progress" => {
                let said = serde_json::from_str(&data).map_err(StreamFault::Invalid)?;
                self.ready.push_back(JobUpdate::Progress(said));
            }
            SseFrame::Event { id, data, .. } => {
                let event = serde_json::from_str(&data).map_err(StreamFault::Invalid)?;
                self.seen = id.or(self.seen.take());
                self.ready.push_back(JobUpdate::Event(event));
                self.failures = 0;
            }
        }
        Ok(())
    }
}

/// Why an event can't be used.
enum StreamFault {
    /// The API sent an error event.
    Reported(ErrorView),
    /// An event holds invalid JSON.
    Invalid(serde_json::Error),
}
