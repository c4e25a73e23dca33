//! From a request for a text to its answer: the worker's, whole, or its pieces as they come.

use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use cortex_api::Problem;
use cortex_api::body::Checked;
use cortex_api::prefer::Prefer;
use cortex_api::timeouts::CALL_QUEUE_TIMEOUT;
use cortex_domain::job::Request;
use cortex_domain::topic::Topic;

use super::request::{self, TextKind, TextRequest};
use crate::auth::Admitted;
use crate::blocking::BlockingPool;
use crate::calls::{CallResult, Calls, OnTimeout};
use crate::models::ModelListing;
use crate::revocations::KeyUse;
use crate::stream::Streams;

/// Makes requests for texts into calls. A clone does the same.
#[derive(Clone, Debug)]
pub(crate) struct Generator {
    pub(crate) models: ModelListing,
    pub(crate) blocking: BlockingPool,
    pub(crate) calls: Calls,
}

/// A call for a text.
pub(crate) struct TextCall {
    pub(crate) request: Request,
    pub(crate) input: Bytes,
    pub(crate) timeout: Duration,
    /// Whether the answer comes in pieces.
    stream: bool,
}

impl Generator {
    /// Answers a request for a text, in one piece or as it grows.
    ///
    /// # Errors
    /// If it is not valid, or fails before its answer begins.
    pub(crate) async fn answer(
        &self,
        streams: &Streams,
        key_use: KeyUse,
        admitted: Admitted,
        kind: TextKind,
    ) -> Result<Response, Problem> {
        if let Some(seen) = admitted.last_event_id() {
            return streams.resume(&admitted.owner.tenant, seen, key_use);
        }
        let prefers = admitted.headers.get_all("prefer");
        let prefer = Prefer::parse(prefers.iter().filter_map(|value| value.to_str().ok()));
        let call = self.read(admitted, kind.topic(), move |body| kind.read(body)).await?;
        if call.stream {
            let TextCall { request, input, timeout, .. } = call;
            return streams.open(request, input, timeout, prefer.resume, key_use).await;
        }
        self.run(&key_use, call).await?.into_response()
    }

    /// Reads a request.
    ///
    /// # Errors
    /// If it is not valid, names no chat model there is, or no pool does such work.
    pub(crate) async fn read(
        &self,
        admitted: Admitted,
        topic: Topic,
        read: impl FnOnce(Checked<'_>) -> Result<TextRequest, Problem> + Send + 'static,
    ) -> Result<TextCall, Problem> {
        let size = admitted.body.len();
        let read = move || {
            let parsed = read(admitted.json()?)?;
            Ok((admitted, parsed))
        };
        let (admitted, TextRequest { params, input }) = self.blocking.run(size, read).await?;
        request::check_model(&params.model, &self.models)?;
        let stream = params.streams();
        let mut request = self.calls.request(&admitted, topic, params.model, params.labels)?;
        request.estimate.output_tokens = params.max_tokens;
        let timeout = request.limits.run + CALL_QUEUE_TIMEOUT;
        Ok(TextCall { request, input, timeout, stream })
    }

    /// Runs a call for as long as its caller's key holds.
    ///
    /// # Errors
    /// If it fails, or the key is revoked.
    pub(crate) async fn run(&self, key_use: &KeyUse, call: TextCall) -> Result<CallResult, Problem> {
        let TextCall { request, input, timeout, .. } = call;
        key_use.run_until_revoked(self.calls.run(request, input, OnTimeout::Abandon(timeout))).await
    }
}
