//! Detection of clients that disconnect before the response.

use worker::js_sys::Function;
use worker::js_sys::Promise;
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::AbortSignal;
use worker::{AbortController, Request};

/// Detects that a request's client has disconnected. The runtime signals this only with the
/// compatibility flag `enable_request_signal`.
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
        // The callback runs before `Promise::new` returns.
        let resolve = resolve.unwrap_or_else(|| Function::new_no_args(""));
        let _ = signal.add_event_listener_with_callback("abort", &resolve);
        Self { signal, resolve, promise }
    }

    /// Waits until the client has disconnected.
    pub(crate) async fn wait(&self) {
        if !self.signal.aborted() {
            let _ = JsFuture::from(self.promise.clone()).await;
        }
    }
}

impl Drop for ClientDisconnect {
    /// Settles the promise, because a task that waits for an unsettled promise is never freed.
    fn drop(&mut self) {
        let _ = self.signal.remove_event_listener_with_callback("abort", &self.resolve);
        let _ = self.resolve.call0(&JsValue::UNDEFINED);
    }
}

/// Aborts its request when it is dropped, for example because the client has disconnected.
#[derive(Debug, Default)]
pub(crate) struct AbortOnDrop(Option<AbortController>);

impl AbortOnDrop {
    pub(crate) fn new(controller: AbortController) -> Self {
        Self(Some(controller))
    }

    /// Keeps the request, which has completed.
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
