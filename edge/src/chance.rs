//! Randomness and the time, from the runtime.

use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
    fn get_random_values(bytes: &mut [u8]) -> Result<JsValue, JsValue>;
}

/// Bytes nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], worker::Error> {
    let mut bytes = [0; N];
    get_random_values(&mut bytes).map_err(worker::Error::from)?;
    Ok(bytes)
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(worker::Date::now().as_millis())
}

pub(crate) fn job_id() -> Result<JobId, worker::Error> {
    Ok(JobId::mint(now(), random()?))
}
