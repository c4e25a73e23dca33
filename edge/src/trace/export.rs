//! Sends spans to a collector, beside the requests. A collector that hangs or fails delays nothing.
//! Spans that it does not accept are dropped, and the log counts them.

use std::cell::{Cell, OnceCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use cortex_api::trace::Traceparent;
use cortex_otlp::{CONTENT_TYPE, Resource, Settings, Span, encode};
use futures::future::{Either, select};
use worker::js_sys::Uint8Array;
use worker::{Context, Delay, Env, Fetch, Headers, Method, Request, RequestInit, State};

use super::span::OpenSpan;
use crate::{clock, config, log, random};

/// Requests to the collector that may be open in an isolate. Further spans are dropped.
const MAX_OPEN: u32 = 32;
/// The longest time for a request to the collector, even if the variables say more. Cloudflare ends
/// what runs longer after a response.
const MAX_EXPORT_TIMEOUT: Duration = Duration::from_secs(30);
/// The name of the service, unless a variable sets another.
const SERVICE_NAME: &str = "cortex-edge";
/// On a developer's machine the collector is behind this service, because workerd sends every other
/// request to the origin.
const SERVICE: &str = "OTLP";

thread_local! {
    // Read once in an isolate. `None` if no spans are exported.
    static SETTINGS: OnceCell<Option<Rc<Settings>>> = const { OnceCell::new() };
    static OPEN: Cell<u32> = const { Cell::new(0) };
    /// Spans that were dropped since one was last exported.
    static DROPPED: Cell<u32> = const { Cell::new(0) };
}

/// What keeps running after its event was handled.
pub(crate) trait Background {
    fn run(&self, work: impl Future<Output = ()> + 'static);
}

impl Background for Context {
    fn run(&self, work: impl Future<Output = ()> + 'static) {
        self.wait_until(work);
    }
}

impl Background for State {
    fn run(&self, work: impl Future<Output = ()> + 'static) {
        self.wait_until(work);
    }
}

/// Where spans go. Without an endpoint nothing is recorded.
#[derive(Debug)]
pub(crate) struct Exporter(Option<Rc<Settings>>);

impl Exporter {
    pub(crate) fn of(env: &Env) -> Self {
        Self(SETTINGS.with(|settings| settings.get_or_init(|| read_settings(env)).clone()))
    }

    /// Starts a span that continues a trace, or begins one. Without an endpoint its `own` is the
    /// given trace, so that the origin continues that one.
    pub(crate) fn start(&self, incoming: Option<Traceparent>) -> worker::Result<OpenSpan> {
        let start = clock::now();
        let Some(settings) = &self.0 else {
            let own = incoming.map_or_else(|| random::bytes().map(Traceparent::mint), Ok)?;
            return Ok(OpenSpan { own, parent: None, start });
        };
        let own = match &incoming {
            Some(parent) => parent.child(random::bytes()?),
            None => Traceparent::mint(random::bytes()?),
        };
        let parent_sampled = incoming.as_ref().map(Traceparent::is_sampled);
        let sampled = settings.sampler.samples(own.trace_id_bytes(), parent_sampled);
        Ok(OpenSpan { own: own.with_sampled(sampled), parent: incoming, start })
    }

    /// Sends a span in the background, if there is one.
    pub(crate) fn export(self, span: Option<Span>, env: &Env, background: &impl Background) {
        let (Some(settings), Some(span)) = (self.0, span) else { return };
        if OPEN.get() >= MAX_OPEN {
            return dropped("too many requests to the collector are open");
        }
        OPEN.set(OPEN.get() + 1);
        let env = env.clone();
        background.run(async move {
            let sent = send(&settings, &span, &env).await;
            OPEN.set(OPEN.get() - 1);
            match sent {
                Ok(()) => DROPPED.set(0),
                Err(cause) => dropped(&cause),
            }
        });
    }
}

/// Reads the settings. Invalid ones disable the export, and `/health` reports them too.
fn read_settings(env: &Env) -> Option<Rc<Settings>> {
    match config::otlp(env) {
        Ok(settings) => settings.map(Rc::new),
        Err(error) => {
            log::error("spans.disabled", &[("cause", &error.to_string())]);
            None
        }
    }
}

/// Logs the first drop, and then those with a round number.
fn dropped(cause: &str) {
    let count = DROPPED.get() + 1;
    DROPPED.set(count);
    if count == 1 || count.is_multiple_of(1000) {
        log::error("spans.dropped", &[("cause", cause), ("count", &count.to_string())]);
    }
}

async fn send(settings: &Settings, span: &Span, env: &Env) -> Result<(), String> {
    let detail = |error: worker::Error| error.to_string();
    let resource = Resource {
        service: settings.service.as_deref().unwrap_or(SERVICE_NAME),
        version: env!("CARGO_PKG_VERSION"),
        attributes: &settings.attributes,
    };
    let body = encode(resource, std::slice::from_ref(span));
    let request = request(settings, &body).map_err(detail)?;
    let sending = std::pin::pin!(async {
        match env.service(SERVICE) {
            Ok(service) => {
                let response = service.fetch_request(request).await.map_err(detail)?;
                Ok::<_, String>(response.status_code())
            }
            Err(_) => Ok(Fetch::Request(request).send().await.map_err(detail)?.status_code()),
        }
    });
    let timeout = settings.timeout.min(MAX_EXPORT_TIMEOUT);
    match select(sending, Delay::from(timeout)).await {
        Either::Left((Ok(200..300), _)) => Ok(()),
        Either::Left((Ok(status), _)) => Err(format!("the collector responded with status {status}")),
        Either::Left((Err(cause), _)) => Err(cause),
        Either::Right(_) => Err(format!("the collector did not respond within {} ms", timeout.as_millis())),
    }
}

fn request(settings: &Settings, body: &[u8]) -> worker::Result<Request> {
    let headers = Headers::new();
    for (name, value) in settings.headers.pairs() {
        headers.set(name, value)?;
    }
    headers.set("content-type", CONTENT_TYPE)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_headers(headers).with_body(Some(Uint8Array::from(body).into()));
    Request::new_with_init(settings.endpoint.as_str(), &init)
}
