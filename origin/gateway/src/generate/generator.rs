//! Runs requests for texts. The response comes whole or as a stream.

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

/// Turns requests for texts into calls. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Generator {
    pub(crate) models: ModelListing,
    pub(crate) blocking: BlockingPool,
    pub(crate) calls: Calls,
}

/// A call that generates a text.
pub(crate) struct TextCall {
    pub(crate) request: Request,
    pub(crate) input: Bytes,
    pub(crate) timeout: Duration,
    /// Whether the response is streamed.
    stream: bool,
}

impl Generator {
    /// Handles a request for a text, whole or streamed.
    ///
    /// # Errors
    /// Returns an error if the request is invalid, or fails before its response begins.
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
        let call = self.parse(admitted, kind.topic(), move |body| kind.parse(body)).await?;
        if call.stream {
            let TextCall { request, input, timeout, .. } = call;
            return streams.open(request, input, timeout, prefer.resume, key_use).await;
        }
        self.run(&key_use, call).await?.into_response()
    }

    /// Parses a request.
    ///
    /// # Errors
    /// Returns an error if it is invalid, names an unknown chat model, or if no pool handles the
    /// topic.
    pub(crate) async fn parse(
        &self,
        admitted: Admitted,
        topic: Topic,
        parse: impl FnOnce(Checked<'_>) -> Result<TextRequest, Problem> + Send + 'static,
    ) -> Result<TextCall, Problem> {
        let size = admitted.body.len();
        let work = move || {
            let parsed = parse(admitted.json()?)?;
            Ok((admitted, parsed))
        };
        let (admitted, TextRequest { params, input }) = self.blocking.run(size, work).await?;
        request::check_model(&params.model, &self.models)?;
        let stream = params.streams();
        let mut request = self.calls.request(&admitted, topic, params.model, params.labels)?;
        request.estimate.output_tokens = params.max_tokens;
        let timeout = request.limits.run + CALL_QUEUE_TIMEOUT;
        Ok(TextCall { request, input, timeout, stream })
    }

    /// Runs a call while its caller's key is valid.
    ///
    /// # Errors
    /// Returns an error if the call fails or the key is revoked.
    pub(crate) async fn run(&self, key_use: &KeyUse, call: TextCall) -> Result<CallResult, Problem> {
        let TextCall { request, input, timeout, .. } = call;
        key_use.run_until_revoked(self.calls.run(request, input, OnTimeout::Abandon(timeout))).await
    }
}
