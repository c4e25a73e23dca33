//! Random bytes and ids, from the runtime.

use cortex_domain::id::JobId;
use wasm_bindgen::prelude::*;

use crate::clock;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
    fn get_random_values(bytes: &mut [u8]) -> Result<JsValue, JsValue>;
}

/// Returns cryptographically secure random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], worker::Error> {
    let mut bytes = [0; N];
    get_random_values(&mut bytes).map_err(worker::Error::from)?;
    Ok(bytes)
}

/// Creates the id of a new job.
pub(crate) fn job_id() -> Result<JobId, worker::Error> {
    Ok(JobId::mint(clock::now(), bytes()?))
}
