//! A client that leaves before it has its answer.

use worker::js_sys::Function;
use worker::js_sys::Promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::AbortSignal;
use worker::{AbortController, Request};

/// Tells when a request's client has left. The runtime only says so where the compatibility flag `enable_request_signal`
/// is set.
#[derive(Debug)]
pub(crate) struct ClientDisconnect {
    signal: AbortSignal,
    resolve: Function,
    promise: Promise,
}

impl ClientDisconnect {
    pub(crate) fn of(request: &Request) -> Self {
        let signal = request.inner().signal();
        let mut resolve = None;
        let promise = Promise::new(&mut |resolved, _| resolve = Some(resolved));
        // The promise calls back before it is made.
        let resolve = resolve.unwrap_or_else(|| Function::new_no_args(""));
        let _ = signal.add_event_listener_with_callback("abort", &resolve);
        Self { signal, resolve, promise }
    }

    /// Returns when the client has left.
    pub(crate) async fn wait(&self) {
        if !self.signal.aborted() {
            let _ = JsFuture::from(self.promise.clone()).await;
        }
    }
}

impl Drop for ClientDisconnect {
    /// Settles the promise: what waits for one that never settles is never freed.
    fn drop(&mut self) {
        let _ = self.signal.remove_event_listener_with_callback("abort", &self.resolve);
        let _ = self.resolve.call0(&JsValue::UNDEFINED);
    }
}

/// Aborts what it was made for when it is dropped, as a request's work is when its client leaves.
#[derive(Debug, Default)]
pub(crate) struct AbortOnDrop(Option<AbortController>);

impl AbortOnDrop {
    pub(crate) fn new(controller: AbortController) -> Self {
        Self(Some(controller))
    }

    /// It came to its end.
    pub(crate) fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        if let Some(controller) = self.0.take() {
            controller.abort();
        }
    }
}
