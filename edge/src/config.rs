//! The Worker's configuration. Secrets come from secret bindings, the rest from variables in
//! wrangler.toml.

use std::str::FromStr;

use cortex_api::topics::KnownTopics;
use cortex_api::trace::Traceparent;
use cortex_guard::cors::Origins;
use cortex_guard::keys::Pepper;
use cortex_guard::signature::Keyring;
use worker::Env;

use crate::error::ApiError;
use crate::limits::Limits;

/// Reads `KEY_PEPPER`, the pepper of API key hashes.
pub(crate) fn pepper(env: &Env) -> Result<Pepper, ApiError> {
    read(env, "KEY_PEPPER")
}

/// Reads `EDGE_KEYS`, which sign requests to the origin.
pub(crate) fn edge_keys(env: &Env) -> Result<Keyring, ApiError> {
    read(env, "EDGE_KEYS")
}

/// Reads `ORIGIN_KEYS`, which sign requests to `/internal/*`.
pub(crate) fn origin_keys(env: &Env) -> Result<Keyring, ApiError> {
    read(env, "ORIGIN_KEYS")
}

/// Reads `CORTEX_TOPICS`: the origin's topics, separated by commas. If it is empty, only the syntax
/// of topics is checked.
pub(crate) fn topics(env: &Env) -> Result<KnownTopics, ApiError> {
    let text = env.var("CORTEX_TOPICS").map(|var| var.to_string()).unwrap_or_default();
    text.parse().map_err(|error| ApiError::Broken(format!("CORTEX_TOPICS: {error}")))
}

/// Reads `CORTEX_CORS_ORIGINS`: the origins with pages that may call, separated by commas. If it is
/// empty, none may.
pub(crate) fn cors_origins(env: &Env) -> Result<Origins, ApiError> {
    let text = env.var("CORTEX_CORS_ORIGINS").map(|var| var.to_string()).unwrap_or_default();
    text.parse().map_err(|error| ApiError::Broken(format!("CORTEX_CORS_ORIGINS: {error}")))
}

/// Reads `CORTEX_LEDGER_LIMITS`: the limits of a tenant's ledger that differ from the defaults.
pub(crate) fn ledger_limits(env: &Env) -> Result<Limits, ApiError> {
    let text = env.var("CORTEX_LEDGER_LIMITS").map(|var| var.to_string()).unwrap_or_default();
    text.parse().map_err(|error| ApiError::Broken(format!("CORTEX_LEDGER_LIMITS: {error}")))
}

/// Where spans are sent.
#[derive(Debug, Clone)]
pub(crate) struct Otlp {
    /// The full address, with the path.
    pub(crate) endpoint: String,
    /// Headers of every request, such as a token.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) service: String,
    /// The share of the traces that begin here which is recorded, in parts of 2^32.
    ratio: u64,
}

impl Otlp {
    /// Decides by the id of a trace whether it is recorded.
    pub(crate) fn samples(&self, trace: &Traceparent) -> bool {
        let random = trace.trace_id().get(..8).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        random.is_none_or(|random| random < self.ratio)
    }
}

/// Reads OpenTelemetry's variables. Returns `None` if `OTEL_EXPORTER_OTLP_ENDPOINT` is not set to an http or https address.
/// `OTEL_TRACES_SAMPLER_ARG` is the share of traces that are recorded, from 0 to 1.
pub(crate) fn otlp(env: &Env) -> Option<Otlp> {
    let read = |name: &str| {
        let text = env
            .var(name)
            .map(|var| var.to_string())
            .or_else(|_| env.secret(name).map(|text| text.to_string()));
        text.ok().filter(|text| !text.is_empty())
    };
    let endpoint = read("OTEL_EXPORTER_OTLP_ENDPOINT")?;
    if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
        return None;
    }
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    let ratio = read("OTEL_TRACES_SAMPLER_ARG").and_then(|text| text.parse::<f64>().ok()).unwrap_or(1.0);
    Some(Otlp {
        endpoint: format!("{}/v1/traces", endpoint.trim_end_matches('/')),
        headers: read("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default().split(',').filter_map(pair).collect(),
        service: read("OTEL_SERVICE_NAME").unwrap_or_else(|| "cortex-edge".to_owned()),
        ratio: (ratio.clamp(0.0, 1.0) * f64::from(u32::MAX)) as u64 + u64::from(ratio >= 1.0),
    })
}

/// Reads `ORIGIN_URL`: the origin's address, without a slash at the end.
pub(crate) fn origin_url(env: &Env) -> Result<String, ApiError> {
    let text = env.var("ORIGIN_URL").map(|var| var.to_string()).unwrap_or_default();
    let text = text.trim_end_matches('/');
    if text.starts_with("http://") || text.starts_with("https://") {
        Ok(text.to_owned())
    } else {
        Err(ApiError::Broken(
            "ORIGIN_URL must be an http or https address: set it in wrangler.toml".to_owned(),
        ))
    }
}

fn read<T: FromStr<Err: std::fmt::Display>>(env: &Env, name: &str) -> Result<T, ApiError> {
    let secret = env.secret(name).map_err(|_| {
        ApiError::Broken(format!(
            "missing secret {name}: set \
        it with `wrangler secret put {name}`"
        ))
    })?;
    // These errors contain the expected format and never the value.
    secret.to_string().parse().map_err(|error| ApiError::Broken(format!("{name}: {error}")))
}
