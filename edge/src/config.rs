//! The Worker's configuration. Secrets come from secret bindings, the rest from variables in
//! wrangler.toml.

use std::str::FromStr;

use cortex_api::topics::KnownTopics;
use cortex_guard::cors::Origins;
use cortex_guard::keys::Pepper;
use cortex_guard::signature::Keyring;
use cortex_otlp::{Settings, SettingsError};
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

/// Reads the variables of OpenTelemetry, which may also be secrets. Returns `None` if no endpoint is
/// set.
pub(crate) fn otlp(env: &Env) -> Result<Option<Settings>, SettingsError> {
    Settings::read(|name| {
        let variable = env.var(name).map(|text| text.to_string());
        variable.or_else(|_| env.secret(name).map(|text| text.to_string())).ok()
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
