//! Opens and resumes streams.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::Response;
use bytes::Bytes;
use cortex_api::Problem;
use cortex_api::timeouts::STREAM_HEAD_TIMEOUT;
use cortex_domain::ErrorCode;
use cortex_domain::id::{JobId, Tenant};
use cortex_domain::job::Request;
use cortex_domain::ports::Bus;
use cortex_domain::subject::{Filter, Subject};

use tracing::{Instrument as _, Span};

use super::pump::Pump;
use super::replay_buffer::ReplayBuffer;
use super::sse::{self, ReaderContext};
use super::table::StreamTable;
use crate::background_tasks::BackgroundTasks;
use crate::calls::Calls;
use crate::error;
use crate::limits::Limits;
use crate::readers::Readers;
use crate::revocations::KeyUse;

/// Streamed responses. Clones share them.
#[derive(Clone)]
pub(crate) struct Streams {
    table: StreamTable,
    readers: Readers,
    calls: Calls,
    bus: Arc<dyn Bus>,
    background: BackgroundTasks,
}

impl Streams {
    pub(crate) fn new(
        limits: &Limits,
        readers: Readers,
        calls: Calls,
        bus: Arc<dyn Bus>,
        background: BackgroundTasks,
    ) -> Self {
        let table = StreamTable::new(limits);
        background.spawn(table.clone().sweep(background.stopping()));
        Self { table, readers, calls, bus, background }
    }

    /// Runs a call and streams its response. With `resume`, the stream continues for that time
    /// without a reader.
    ///
    /// # Errors
    /// Returns an error if a limit is reached, or if the call fails before its first event.
    pub(crate) async fn open(
        &self,
        request: Request,
        body: Bytes,
        timeout: Duration,
        resume: Option<Duration>,
        key_use: KeyUse,
    ) -> Result<Response, Problem> {
        let job = request.id;
        let buffer = ReplayBuffer::new();
        let tenant = request.owner.tenant.clone();
        let reader_slot = self.readers.register(&tenant, job)?;
        let slot = self.table.register(job, tenant, buffer.clone())?;
        // This comes before the call, so that no frame is missed.
        let listening = self.bus.subscribe(Filter::only(&Subject::progress(job))).await;
        let frames = listening.map_err(|error| error::from_bus(&error))?;
        let mut reader = buffer.read_after(0)?;
        let linger = resume.unwrap_or_default();
        let (calls, stop) = (self.calls.clone(), self.background.stopping());
        let pump = Pump {
            calls,
            bus: self.bus.clone(),
            stop,
            frames,
            buffer,
            linger,
            slot,
            awaiting_first_event: Some(Instant::now()),
            key_use: key_use.clone(),
        };
        self.background.spawn(pump.run(request, body, timeout).instrument(Span::current()));
        match tokio::time::timeout(STREAM_HEAD_TIMEOUT, reader.wait_for_first_event()).await {
            Ok(Err(problem)) => Err(problem),
            Ok(Ok(())) | Err(_) => {
                sse::response(job, reader, resume, ReaderContext { _slot: reader_slot, key_use })
            }
        }
    }

    /// Resumes a stream after the last event that the client has seen, `<job>.<n>`.
    ///
    /// # Errors
    /// Returns an error if the tenant has no such stream, if the next events are no longer
    /// available, or if the stream has too many readers.
    pub(crate) fn resume(&self, tenant: &Tenant, seen: &str, key_use: KeyUse) -> Result<Response, Problem> {
        let parsed = seen
            .split_once('.')
            .and_then(|(job, number)| Some((job.parse::<JobId>().ok()?, number.parse::<u64>().ok()?)));
        let Some((job, after)) = parsed else {
            let detail =
                "invalid header `Last-Event-ID`: must be `<job>.<n>`, the id of an event of the stream";
            return Err(Problem::new(ErrorCode::InvalidRequest, detail).at("last-event-id"));
        };
        let buffer = self.table.find(job, tenant).ok_or_else(|| {
            let detail = "the stream is no longer available: `Prefer: resume=N` keeps a stream for N \
                    seconds after a disconnect";
            Problem::new(ErrorCode::StreamGone, detail).at("last-event-id")
        })?;
        let reader_slot = self.readers.register(tenant, job)?;
        sse::response(job, buffer.read_after(after)?, None, ReaderContext { _slot: reader_slot, key_use })
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("table", &self.table).finish_non_exhaustive()
    }
}
