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

use super::ask::{self, Wanted, Way};
use crate::calls::{Answered, Calls, OnTimeout};
use crate::door::Admitted;
use crate::holders::Held;
use crate::models::Listing;
use crate::offload::Offload;
use crate::stream::Streams;

/// Makes requests for texts into calls. A clone does the same.
#[derive(Clone, Debug)]
pub(crate) struct Generator {
    pub(crate) models: Listing,
    pub(crate) offload: Offload,
    pub(crate) calls: Calls,
}

/// A call for a text.
pub(crate) struct Asked {
    pub(crate) request: Request,
    pub(crate) input: Bytes,
    pub(crate) timeout: Duration,
    /// Whether the answer comes in pieces.
    streams: bool,
}

impl Generator {
    /// Answers a request for a text, in one piece or as it grows.
    ///
    /// # Errors
    /// If it is not valid, or fails before its answer begins.
    pub(crate) async fn answer(
        &self,
        streams: &Streams,
        held: Held,
        admitted: Admitted,
        way: Way,
    ) -> Result<Response, Problem> {
        if let Some(seen) = admitted.last_event() {
            return streams.resume(&admitted.owner.tenant, seen, held);
        }
        let prefers = admitted.headers.get_all("prefer");
        let prefer = Prefer::parse(prefers.iter().filter_map(|value| value.to_str().ok()));
        let asked = self.read(admitted, way.topic(), move |body| way.read(body)).await?;
        if asked.streams {
            let Asked { request, input, timeout, .. } = asked;
            return streams.open(request, input, timeout, prefer.resume, held).await;
        }
        self.run(&held, asked).await?.into_response()
    }

    /// Reads a request.
    ///
    /// # Errors
    /// If it is not valid, names no chat model there is, or no pool does such work.
    pub(crate) async fn read(
        &self,
        admitted: Admitted,
        topic: Topic,
        read: impl FnOnce(Checked<'_>) -> Result<Wanted, Problem> + Send + 'static,
    ) -> Result<Asked, Problem> {
        let size = admitted.body.len();
        let read = move || {
            let wanted = read(admitted.json()?)?;
            Ok((admitted, wanted))
        };
        let (admitted, Wanted { params, input }) = self.offload.run(size, read).await?;
        ask::check_model(&params.model, &self.models)?;
        let streams = params.streams();
        let mut request = self.calls.request(&admitted, topic, params.model, params.labels)?;
        request.estimate.output_tokens = params.max_tokens;
        let timeout = request.limits.run + CALL_QUEUE_TIMEOUT;
        Ok(Asked { request, input, timeout, streams })
    }

    /// Runs a call for as long as its caller's key holds.
    ///
    /// # Errors
    /// If it fails, or the key is revoked.
    pub(crate) async fn run(&self, held: &Held, asked: Asked) -> Result<Answered, Problem> {
        let Asked { request, input, timeout, .. } = asked;
        held.during(self.calls.run(request, input, OnTimeout::HangUp(timeout))).await
    }
}
