//! Requests to the scheduler that owns a tenant's share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cortex_api::timeouts::KEEP_TIMEOUT;
use cortex_domain::backoff::Backoff;
use cortex_domain::call::{CallRefusal, CallReply};
use cortex_domain::id::JobId;
use cortex_domain::job::Request;
use cortex_domain::ports::{Bus, BusError, RequestError};
use cortex_domain::share::Share;
use cortex_domain::subject::Subject;
use cortex_platform::entropy;
use cortex_wire::{DecodeError, decode_call_reply, encode_call, encode_submit};

/// How long the scheduler may take to confirm that a caller has left.
const HANGUP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a share may have no scheduler, while one takes over from another.
const HANDOVER_TIMEOUT: Duration = Duration::from_secs(15);
const HANDOVER_BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(50), longest: Duration::from_millis(500) };
/// How often to ask whether a call is still open.
const PULSE_INTERVAL: Duration = Duration::from_secs(5);
const PULSE_TIMEOUT: Duration = Duration::from_secs(2);
/// After how many failures in a row a call counts as lost.
const MAX_MISSED_PULSES: u32 = 3;

/// Sends requests to the schedulers. Clones share the bus.
#[derive(Clone)]
pub(super) struct SchedulerClient {
    bus: Arc<dyn Bus>,
    /// Whether shares can pass from one scheduler to another.
    several: bool,
}

/// A call has no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Reply(#[from] DecodeError),
    /// The scheduler that had the call has ended.
    #[error("the scheduler that had the call has ended")]
    Lost,
}

impl SchedulerClient {
    pub(super) fn new(bus: Arc<dyn Bus>, several: bool) -> Self {
        Self { bus, several }
    }

    pub(super) fn has_several(&self) -> bool {
        self.several
    }

    /// Makes a call. While its share passes from one scheduler to another, waits for the new one.
    pub(super) async fn call(&self, request: &Request, within: Duration) -> Result<CallReply, CallError> {
        let packet = encode_call(request);
        let share = Share::of(&request.owner.tenant);
        let began = Instant::now();
        let mut failures = 0;
        loop {
            let asking = self.bus.request(Subject::call(share), packet.clone(), within);
            let replied = if self.several {
                self.watched(asking, request.id, share).await
            } else {
                asking.await.map_err(CallError::from)
            };
            let replied = replied.and_then(|reply| Ok(decode_call_reply(&reply)?));
            let is_moving = matches!(
                replied,
                Ok(CallReply::Refused(CallRefusal::Moved))
                    | Err(CallError::Request(RequestError::NoResponder(_)))
            );
            if !self.several || !is_moving || began.elapsed() > HANDOVER_TIMEOUT {
                return replied;
            }
            failures += 1;
            tokio::time::sleep(HANDOVER_BACKOFF.wait(failures, entropy::fraction())).await;
        }
    }

    /// Waits for the reply, as long as the scheduler has the call.
    async fn watched(
        &self,
        asking: impl Future<Output = Result<Bytes, RequestError>>,
        job: JobId,
        share: Share,
    ) -> Result<Bytes, CallError> {
        tokio::pin!(asking);
        let mut missed = 0;
        loop {
            tokio::select! {
                biased;
                reply = &mut asking => return Ok(reply?),
                () = tokio::time::sleep(PULSE_INTERVAL) => {}
            }
            let pulse = self.bus.request(Subject::pulse(share), encode_submit(job), PULSE_TIMEOUT);
            let is_open = tokio::select! {
                biased;
                reply = &mut asking => return Ok(reply?),
                pulse = pulse => pulse.is_ok_and(|reply| !reply.is_empty()),
            };
            missed = if is_open { 0 } else { missed + 1 };
            if missed >= MAX_MISSED_PULSES {
                return Err(CallError::Lost);
            }
        }
    }

    /// Tells the scheduler to make a call durable.
    pub(super) async fn keep(&self, job: JobId, share: Share) -> Result<(), RequestError> {
        self.bus.request(Subject::keep(share), encode_submit(job), KEEP_TIMEOUT).await.map(drop)
    }

    /// Tells the scheduler that a call has no caller any more.
    pub(super) async fn hang_up(&self, job: JobId, share: Share) {
        let notified = self.bus.request(Subject::hangup(share), encode_submit(job), HANGUP_TIMEOUT).await;
        match notified {
            Ok(_) | Err(RequestError::Bus(BusError::Closed)) => {}
            Err(error) => {
                tracing::warn!(%job, %error, "the scheduler could not be notified that the caller left");
            }
        }
    }
}
