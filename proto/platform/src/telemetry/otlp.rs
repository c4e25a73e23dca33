//! Reads the settings of the span exporter from the variables that OpenTelemetry defines.
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::Sampler as SdkSampler;
use reqwest::Url;

use super::Service;

const DISABLED: &str = "OTEL_SDK_DISABLED";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
/// The path of spans below [`ENDPOINT`].
const TRACES_PATH: &str = "v1/traces";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Which spans are exported, and to which address.
#[derive(Debug, Clone)]
pub struct Otlp {
    /// The full address, with the path.
    pub(super) endpoint: Url,
    pub(super) headers: Headers,
    /// How long one request may take.
    pub(super) timeout: Duration,
    pub(super) sampler: Sampler,
    service: Option<String>,
    attributes: Vec<(String, String)>,
}

/// Headers of every request, which may contain a token. `Debug` prints only their names.
#[derive(Clone, Default)]
pub(super) struct Headers(Vec<(String, String)>);

/// Which traces are recorded. The `ParentBased` samplers follow the decision of the caller, if
/// there is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampler {
    AlwaysOn,
    AlwaysOff,
    ParentBasedAlwaysOn,
    ParentBasedAlwaysOff,
    /// The share of traces that start here to record, from 0 to 1.
    ParentBasedRatio(f64),
    Ratio(f64),
}

/// A variable of the exporter has an invalid value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {name}: {reason}")]
pub struct OtlpError {
    pub name: &'static str,
    pub reason: String,
}

impl Otlp {
    /// Reads the settings. `variable` returns a variable of the environment. Returns `None` if no
    /// endpoint is set or `OTEL_SDK_DISABLED` is `true`.
    ///
    /// # Errors
    /// Returns an error that names the variable with the invalid or unsupported value.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, OtlpError> {
        let set = |name| variable(name).filter(|text| !text.trim().is_empty());
        let endpoint = match (set(TRACES_ENDPOINT), set(ENDPOINT)) {
            (Some(whole), _) => (TRACES_ENDPOINT, whole),
            (None, Some(base)) => (ENDPOINT, format!("{}/{TRACES_PATH}", base.trim_end_matches('/'))),
            (None, None) => return Ok(None),
        };
        if set(DISABLED).is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        if let Some(other) = set(PROTOCOL).filter(|protocol| protocol != "http/protobuf") {
            return Err(invalid(PROTOCOL, format!("`{other}` is not supported (expected `http/protobuf`)")));
        }
        let timeout = match set(TIMEOUT) {
            Some(text) => match text.parse() {
                Ok(millis @ 1..=600_000) => Duration::from_millis(millis),
                _ => {
                    let reason = format!("`{text}` must be a number of milliseconds from 1 to 600000");
                    return Err(invalid(TIMEOUT, reason));
                }
            },
            None => DEFAULT_TIMEOUT,
        };
        Ok(Some(Self {
            endpoint: url(endpoint.0, &endpoint.1)?,
            headers: Headers(pairs(HEADERS, set(HEADERS))?),
            timeout,
            sampler: Sampler::read(set(SAMPLER), set(SAMPLER_ARG))?,
            service: set(SERVICE_NAME),
            attributes: pairs(ATTRIBUTES, set(ATTRIBUTES))?,
        }))
    }

    pub(super) fn resource(&self, service: &Service) -> Resource {
        let name = self.service.clone().unwrap_or_else(|| service.name.to_owned());
        let own = [
            KeyValue::new("service.version", service.version),
            KeyValue::new("process.pid", i64::from(std::process::id())),
        ];
        let given = self.attributes.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
        Resource::builder_empty()
            .with_attributes(own.into_iter().chain(given))
            .with_service_name(name)
            .build()
    }
}

impl Sampler {
    fn read(name: Option<String>, argument: Option<String>) -> Result<Self, OtlpError> {
        let ratio = || match argument.as_deref().map(str::parse::<f64>) {
            None => Ok(1.0),
            Some(Ok(ratio)) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
            Some(_) => {
                let text = argument.as_deref().unwrap_or_default();
                Err(invalid(SAMPLER_ARG, format!("`{text}` must be a number from 0 to 1")))
            }
        };
        match name.as_deref() {
            None | Some("parentbased_always_on") => Ok(Self::ParentBasedAlwaysOn),
            Some("parentbased_always_off") => Ok(Self::ParentBasedAlwaysOff),
            Some("always_on") => Ok(Self::AlwaysOn),
            Some("always_off") => Ok(Self::AlwaysOff),
            Some("parentbased_traceidratio") => Ok(Self::ParentBasedRatio(ratio()?)),
            Some("traceidratio") => Ok(Self::Ratio(ratio()?)),
            Some(other) => Err(invalid(
                SAMPLER,
                format!(
                    "unknown sampler `{other}` (expected always_on, always_off, traceidratio, parentbased_always_on, \
                     parentbased_always_off or parentbased_traceidratio)"
                ),
            )),
        }
    }

    pub(super) fn to_sdk(self) -> SdkSampler {
        let by_parent = |sampler| SdkSampler::ParentBased(Box::new(sampler));
        match self {
            Self::AlwaysOn => SdkSampler::AlwaysOn,
            Self::AlwaysOff => SdkSampler::AlwaysOff,
            Self::Ratio(ratio) => SdkSampler::TraceIdRatioBased(ratio),
            Self::ParentBasedAlwaysOn => by_parent(SdkSampler::AlwaysOn),
            Self::ParentBasedAlwaysOff => by_parent(SdkSampler::AlwaysOff),
            Self::ParentBasedRatio(ratio) => by_parent(SdkSampler::TraceIdRatioBased(ratio)),
        }
    }
}

impl Headers {
    pub(super) fn pairs(&self) -> HashMap<String, String> {
        self.0.iter().cloned().collect()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, _)| (name, "***"))).finish()
    }
}

/// Parses an address. Errors don't quote it, because it may contain a password.
fn url(name: &'static str, text: &str) -> Result<Url, OtlpError> {
    let expected = "must be an `http://` or `https://` address";
    let url = Url::parse(text).map_err(|_| invalid(name, expected.to_owned()))?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(invalid(name, expected.to_owned())) }
}

/// Parses `name=value,name=value`.
fn pairs(variable: &'static str, text: Option<String>) -> Result<Vec<(String, String)>, OtlpError> {
    let text = text.unwrap_or_default();
    let all = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    all.map(|pair| match pair.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(invalid(variable, "each entry must have the form `name=value`".to_owned())),
    })
    .collect()
}

fn invalid(name: &'static str, reason: String) -> OtlpError {
    OtlpError { name, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Otlp>, OtlpError> {
        Otlp::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_is_exported_unless_an_endpoint_is_set() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[(ENDPOINT, " ")]).unwrap().is_none());
        assert!(read(&[(ENDPOINT, "http://127.0.0.1:4318"), (DISABLED, "true")]).unwrap().is_none());
    }

    #[test]
    fn the_path_of_traces_is_added_to_the_endpoint_alone() {
        for (variable, given, address) in [
            (ENDPOINT, "http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            (ENDPOINT, "http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            (ENDPOINT, "https://example.org/otlp", "https://example.org/otlp/v1/traces"),
            (TRACES_ENDPOINT, "http://127.0.0.1:4318/here", "http://127.0.0.1:4318/here"),
        ] {
            assert_eq!(read(&[(variable, given)]).unwrap().unwrap().endpoint.as_str(), address);
        }
    }

    #[test]
    fn a_variable_that_is_invalid_is_named_and_no_secret_is_quoted() {
        let endpoint = (ENDPOINT, "http://127.0.0.1:4318");
        for (variables, name) in [
            (&[(ENDPOINT, "127.0.0.1:4318")][..], ENDPOINT),
            (&[(TRACES_ENDPOINT, "ftp://hunter2@x")], TRACES_ENDPOINT),
            (&[endpoint, (PROTOCOL, "grpc")], PROTOCOL),
            (&[endpoint, (TIMEOUT, "10s")], TIMEOUT),
            (&[endpoint, (TIMEOUT, "0")], TIMEOUT),
            (&[endpoint, (HEADERS, "hunter2")], HEADERS),
            (&[endpoint, (SAMPLER, "jaeger_remote")], SAMPLER),
            (&[endpoint, (SAMPLER, "traceidratio"), (SAMPLER_ARG, "1.5")], SAMPLER_ARG),
            (&[endpoint, (SAMPLER, "traceidratio"), (SAMPLER_ARG, "NaN")], SAMPLER_ARG),
        ] {
            let error = read(variables).unwrap_err();
            assert_eq!(error.name, name);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn settings_print_no_header() {
        let otlp = read(&[(ENDPOINT, "http://127.0.0.1:4318"), (HEADERS, "authorization=Bearer hunter2")]);
        let text = format!("{otlp:?}");
        assert!(text.contains("authorization") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn samplers_are_read_with_their_ratio() {
        let sampler = |name: &str, argument: Option<&str>| {
            Sampler::read(Some(name.to_owned()), argument.map(str::to_owned)).unwrap()
        };
        assert_eq!(sampler("parentbased_traceidratio", Some("0.25")), Sampler::ParentBasedRatio(0.25));
        assert_eq!(sampler("traceidratio", None), Sampler::Ratio(1.0));
        assert_eq!(Sampler::read(None, None).unwrap(), Sampler::ParentBasedAlwaysOn);
    }
}
