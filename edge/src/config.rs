//! What the Worker is configured with. Secrets come as secrets, the rest as variables of wrangler.toml.

use std::str::FromStr;

use cortex_api::topics::KnownTopics;
use cortex_guard::cors::Origins;
use cortex_guard::keys::Pepper;
use cortex_guard::signature::Keyring;
use worker::Env;

use crate::error::ApiError;
use crate::limits::Limits;

/// `KEY_PEPPER`: what API keys are hashed with.
pub(crate) fn pepper(env: &Env) -> Result<Pepper, ApiError> {
    read(env, "KEY_PEPPER")
}

/// `EDGE_KEYS`: what requests to the origin are signed with.
pub(crate) fn edge_keys(env: &Env) -> Result<Keyring, ApiError> {
    read(env, "EDGE_KEYS")
}

/// `ORIGIN_KEYS`: what `/internal/*` must be signed with.
pub(crate) fn origin_keys(env: &Env) -> Result<Keyring, ApiError> {
    read(env, "ORIGIN_KEYS")
}

/// `CORTEX_TOPICS`: the topics the origin serves, separated by commas; empty to check the syntax alone.
pub(crate) fn topics(env: &Env) -> Result<KnownTopics, ApiError> {
    let text = env.var("CORTEX_TOPICS").map(|var| var.to_string()).unwrap_or_default();
    text.parse().map_err(|error| ApiError::Broken(format!("CORTEX_TOPICS: {error}")))
}

/// `CORTEX_CORS_ORIGINS`: the origins whose pages may call, separated by commas; empty for none.
pub(crate) fn cors_origins(env: &Env) -> Result<Origins, ApiError> {
    let text = env.var("CORTEX_CORS_ORIGINS").map(|var| var.to_string()).unwrap_or_default();
    text.parse().map_err(|error| ApiError::Broken(format!("CORTEX_CORS_ORIGINS: {error}")))
}

/// `CORTEX_LEDGER_LIMITS`: how much a tenant's ledger holds, where that is not the usual.
pub(crate) fn ledger_limits(env: &Env) -> Result<Limits, ApiError> {
    let text = env.var("CORTEX_LEDGER_LIMITS").map(|var| var.to_string()).unwrap_or_default();
    text.parse().map_err(|error| ApiError::Broken(format!("CORTEX_LEDGER_LIMITS: {error}")))
}

/// `ORIGIN_URL`: where the origin answers, without a slash at the end.
pub(crate) fn origin_url(env: &Env) -> Result<String, ApiError> {
    let text = env.var("ORIGIN_URL").map(|var| var.to_string()).unwrap_or_default();
    let text = text.trim_end_matches('/');
    if text.starts_with("http://") || text.starts_with("https://") {
        Ok(text.to_owned())
    } else {
        Err(ApiError::Broken("ORIGIN_URL is not set to an http or https address".to_owned()))
    }
}

fn read<T: FromStr<Err: std::fmt::Display>>(env: &Env, name: &str) -> Result<T, ApiError> {
    let secret = env.secret(name).map_err(|_| ApiError::Broken(format!("the secret {name} is not set")))?;
    // These errors tell what the form is, never the value.
    secret.to_string().parse().map_err(|error| ApiError::Broken(format!("{name}: {error}")))
}
