//! The defaults of `cortex up`, for settings that neither a flag nor the environment gives. The
//! flags of `up` and the commands that report on it (`doctor`, `status`, `models pull`) share them.

mod terminal;

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use cortex_domain::id::ModelName;
use cortex_edge_local::Tracing;
use cortex_platform::telemetry::{Format, OtlpSettings};

use reqwest::Url;

use crate::exit::{Exit, Failure};

pub(crate) use terminal::TerminalEnv;

/// A setting of `cortex up`: its flag, its environment variable and its default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<T> {
    pub(crate) flag: &'static str,
    pub(crate) env: &'static str,
    pub(crate) default: T,
}

pub(crate) const API_PORT: Setting<u16> =
    Setting { flag: "--api-port", env: "CORTEX_API_PORT", default: 8080 };
pub(crate) const GRPC_PORT: Setting<u16> =
    Setting { flag: "--grpc-port", env: "CORTEX_GRPC_PORT", default: 50052 };
pub(crate) const EDGE_PORT: Setting<u16> =
    Setting { flag: "--edge-port", env: "CORTEX_EDGE_PORT", default: 8787 };
pub(crate) const HOST_PORT: Setting<u16> =
    Setting { flag: "--host-port", env: "CORTEX_MLX_PORT", default: 8081 };
pub(crate) const CHAT_PORT: Setting<u16> =
    Setting { flag: "--chat-port", env: "CORTEX_CHAT_PORT", default: 8082 };
pub(crate) const EMBEDDINGS_MODEL: Setting<&str> =
    Setting { flag: "--embeddings-model", env: "EMBEDDINGS_MODEL", default: "all-MiniLM-L6-v2" };
pub(crate) const METRICS_PORT: Setting<u16> =
    Setting { flag: "--metrics-port", env: "CORTEX_METRICS_PORT", default: 9092 };
/// The metrics port of a scheduler that runs without a gateway.
pub(crate) const SCHEDULER_METRICS_PORT: u16 = 9090;
/// The metrics port of a safety kernel that runs as a process of its own.
pub(crate) const KERNEL_METRICS_PORT: u16 = 9093;
/// The port of a safety kernel that runs as a process of its own.
pub(crate) const KERNEL_PORT: u16 = 50051;
const MODELS_FILE: &str = "MODELS_PATH";

/// The ports that `cortex up` listens on. 0 disables a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) edge: u16,
    pub(crate) api: u16,
    pub(crate) grpc: u16,
    pub(crate) metrics: u16,
    pub(crate) host: u16,
    pub(crate) chat: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            edge: EDGE_PORT.default,
            api: API_PORT.default,
            grpc: GRPC_PORT.default,
            metrics: METRICS_PORT.default,
            host: HOST_PORT.default,
            chat: CHAT_PORT.default,
        }
    }
}

impl Ports {
    /// Returns the ports of a `cortex up` without flags.
    ///
    /// # Errors
    /// Returns an error if a variable is not a port.
    pub(crate) fn from_env() -> Result<Self, Failure> {
        Ok(Self {
            edge: read(EDGE_PORT)?,
            api: read(API_PORT)?,
            grpc: read(GRPC_PORT)?,
            metrics: read(METRICS_PORT)?,
            host: read(HOST_PORT)?,
            chat: read(CHAT_PORT)?,
        })
    }
}

/// Returns the embedding model of a `cortex up` without flags.
///
/// # Errors
/// Returns an error if the variable is not the name of a model.
pub(crate) fn embeddings_model() -> Result<ModelName, Failure> {
    let Setting { flag, env, default } = EMBEDDINGS_MODEL;
    let default = default.parse().expect("the default is the name of a model");
    read(Setting { flag, env, default })
}

/// Returns the models file of a `cortex up` without flags.
pub(crate) fn models_file() -> Option<PathBuf> {
    std::env::var_os(MODELS_FILE).map(PathBuf::from)
}

/// Returns the log filter, from `CORTEX_LOG`.
pub(crate) fn log_filter() -> Option<String> {
    std::env::var("CORTEX_LOG").ok()
}

/// Returns the log format, from `CORTEX_LOG_FORMAT`: text or json.
///
/// # Errors
/// Returns an error if the variable has another value.
pub(crate) fn log_format() -> Result<Format, Failure> {
    const NAME: &str = "CORTEX_LOG_FORMAT";
    match std::env::var(NAME).as_deref() {
        Err(_) | Ok("" | "text") => Ok(Format::Text),
        Ok("json") => Ok(Format::Json),
        Ok(other) => {
            let message = format!("invalid {NAME}: `{other}` (expected text or json)");
            Err(Failure::message(Exit::Config, message, format!("set {NAME} to text or json")))
        }
    }
}

/// Returns where spans are exported to, by OpenTelemetry's variables.
///
/// # Errors
/// Returns an error if one of them is invalid.
pub(crate) fn otlp() -> Result<Option<OtlpSettings>, Failure> {
    let variable = |name: &str| std::env::var_os(name).map(|text| text.to_string_lossy().into_owned());
    OtlpSettings::read(variable).map_err(|error| {
        let help = format!("set {} to a valid value, or unset it", error.name);
        Failure::new(Exit::Config, error, help)
    })
}

/// Returns where the edge on this machine sends its spans, according to OpenTelemetry's variables.
/// Only plain HTTP is supported.
pub(crate) fn edge_tracing() -> Tracing {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let Ok(endpoint) = variable("OTEL_EXPORTER_OTLP_ENDPOINT").parse::<Url>() else {
        return Tracing::default();
    };
    let host = match (endpoint.scheme(), endpoint.host_str(), endpoint.port_or_known_default()) {
        ("http", Some(host), Some(port)) => format!("{host}:{port}"),
        _ => {
            tracing::warn!(
                "the edge on this machine sends no spans: it needs an http:// address of the collector"
            );
            return Tracing::default();
        }
    };
    Tracing {
        collector: Some((host, endpoint.path().trim_end_matches('/').to_owned())),
        headers: variable("OTEL_EXPORTER_OTLP_HEADERS"),
        ratio: variable("OTEL_TRACES_SAMPLER_ARG"),
    }
}

fn read<T: FromStr<Err: Display>>(setting: Setting<T>) -> Result<T, Failure> {
    let Some(value) = std::env::var_os(setting.env) else { return Ok(setting.default) };
    parse(setting.flag, setting.env, &value.to_string_lossy())
}

fn parse<T: FromStr<Err: Display>>(flag: &str, env: &str, text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error| {
        let message = format!("invalid value '{text}' for '{flag}' ({env}): {error}");
        Failure::message(Exit::Config, message, format!("correct {env}, or unset it to use the default"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_port_names_its_variable() {
        assert_eq!(parse::<u16>("--api-port", "CORTEX_API_PORT", "81").unwrap(), 81);
        let failure = parse::<u16>("--api-port", "CORTEX_API_PORT", "x").unwrap_err();
        assert_eq!(failure.exit, Exit::Config);
        let text = failure.error.to_string();
        assert!(text.contains("CORTEX_API_PORT") && text.contains("'x'"), "{text}");
    }
}
