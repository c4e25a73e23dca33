//! Reads the settings of a span exporter from the variables that OpenTelemetry defines.
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>

use std::fmt;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;

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
/// Headers that the connection needs.
const CONNECTION_HEADERS: [&str; 5] =
    ["host", "connection", "content-length", "content-type", "transfer-encoding"];
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Which spans are exported, and to which address.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The full address, with the path.
    pub endpoint: Url,
    pub headers: Headers,
    /// How long one request may take.
    pub timeout: Duration,
    pub sampler: Sampler,
    /// The name of the service, if it differs from the program's own.
    pub service: Option<String>,
    /// Further attributes of the resource.
    pub attributes: Vec<(String, String)>,
}

/// Headers of every request, which may contain a token. `Debug` prints only their names.
#[derive(Clone, Default)]
pub struct Headers(Vec<(String, String)>);

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
pub struct SettingsError {
    pub name: &'static str,
    pub reason: String,
}

impl Settings {
    /// Reads the settings. `variable` returns a variable of the environment. Returns `None` if no
    /// endpoint is set or `OTEL_SDK_DISABLED` is `true`.
    ///
    /// # Errors
    /// Returns an error that names the variable with the invalid or unsupported value.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, SettingsError> {
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
            headers: Headers::read(set(HEADERS))?,
            timeout,
            sampler: Sampler::read(set(SAMPLER), set(SAMPLER_ARG))?,
            service: set(SERVICE_NAME),
            attributes: pairs(ATTRIBUTES, set(ATTRIBUTES))?,
        }))
    }
}

impl Sampler {
    fn read(name: Option<String>, argument: Option<String>) -> Result<Self, SettingsError> {
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

    /// Decides whether the spans of a trace are recorded. `parent` is the decision of the caller, if
    /// there is one.
    ///
    /// A ratio selects by the last eight bytes of the trace's id, as OpenTelemetry's SDKs do, so that
    /// every process with the same ratio selects the same traces.
    /// <https://opentelemetry.io/docs/specs/otel/trace/sdk/#traceidratiobased>
    #[must_use]
    pub fn samples(self, trace_id: [u8; 16], parent: Option<bool>) -> bool {
        match self {
            Self::AlwaysOn => true,
            Self::AlwaysOff => false,
            Self::Ratio(ratio) => is_within(trace_id, ratio),
            Self::ParentBasedAlwaysOn => parent.unwrap_or(true),
            Self::ParentBasedAlwaysOff => parent.unwrap_or(false),
            Self::ParentBasedRatio(ratio) => parent.unwrap_or_else(|| is_within(trace_id, ratio)),
        }
    }
}

fn is_within(trace_id: [u8; 16], ratio: f64) -> bool {
    const END: f64 = (1_u64 << 63) as f64;
    let [.., a, b, c, d, e, f, g, h] = trace_id;
    let position = u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1;
    ratio >= 1.0 || position < (ratio.max(0.0) * END) as u64
}

impl Headers {
    /// Parses the headers. Errors quote no value, because it may be a secret.
    fn read(text: Option<String>) -> Result<Self, SettingsError> {
        let headers = pairs(HEADERS, text)?;
        for (name, value) in &headers {
            if !name.bytes().all(is_token) {
                return Err(invalid(HEADERS, "a name contains a character that is not allowed".to_owned()));
            }
            if CONNECTION_HEADERS.iter().any(|known| name.eq_ignore_ascii_case(known)) {
                return Err(invalid(HEADERS, format!("`{name}` is set by the exporter")));
            }
            if !value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
                let reason = format!("the value of `{name}` contains a character that is not visible ASCII");
                return Err(invalid(HEADERS, reason));
            }
        }
        Ok(Self(headers))
    }

    /// Returns names and values.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, _)| (name, "***"))).finish()
    }
}

/// A character of a header's name (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Parses an address. Errors don't quote it, because it may contain a password.
fn url(name: &'static str, text: &str) -> Result<Url, SettingsError> {
    let expected = "must be an `http://` or `https://` address";
    let url = Url::parse(text).map_err(|_| invalid(name, expected.to_owned()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(name, format!("must not contain a password (set a header with {HEADERS})")));
    }
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(invalid(name, expected.to_owned())) }
}

/// Parses `name=value,name=value`. Values are percent-encoded.
/// <https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables>
fn pairs(variable: &'static str, text: Option<String>) -> Result<Vec<(String, String)>, SettingsError> {
    let text = text.unwrap_or_default();
    let all = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    all.map(|pair| match pair.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            let value = percent_decode_str(value.trim()).decode_utf8();
            let value = value.map_err(|_| invalid(variable, "a value is not UTF-8".to_owned()))?;
            Ok((name.trim().to_owned(), value.into_owned()))
        }
        _ => Err(invalid(variable, "each entry must have the form `name=value`".to_owned())),
    })
    .collect()
}

fn invalid(name: &'static str, reason: String) -> SettingsError {
    SettingsError { name, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Settings>, SettingsError> {
        Settings::read(|name| {
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
            (&[(ENDPOINT, "http://hunter2:hunter2@127.0.0.1")], ENDPOINT),
            (&[endpoint, (HEADERS, "hunter2")], HEADERS),
            (&[endpoint, (HEADERS, "a=hunter2%0d%0aevil: 1")], HEADERS),
            (&[endpoint, (HEADERS, "a=hunter2\nevil: 1")], HEADERS),
            (&[endpoint, (HEADERS, "a=hunter2%ff")], HEADERS),
            (&[endpoint, (HEADERS, "a=hunter2\u{fffd}")], HEADERS),
            (&[endpoint, (HEADERS, "a b=hunter2")], HEADERS),
            (&[endpoint, (HEADERS, "Content-Length=5,a=hunter2")], HEADERS),
            (&[endpoint, (HEADERS, "transfer-encoding=chunked")], HEADERS),
            (&[endpoint, (HEADERS, "host=evil")], HEADERS),
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
    fn values_are_percent_decoded() {
        let endpoint = (ENDPOINT, "http://127.0.0.1:4318");
        let headers = (HEADERS, "authorization=Bearer%20a%3D, x-b = c=d");
        let settings = read(&[endpoint, headers, (ATTRIBUTES, "team=a%2Cb")]).unwrap().unwrap();
        let headers: Vec<_> = settings.headers.pairs().collect();
        assert_eq!(headers, [("authorization", "Bearer a="), ("x-b", "c=d")]);
        assert_eq!(settings.attributes, [("team".to_owned(), "a,b".to_owned())]);
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

    #[test]
    fn a_sampler_follows_the_parent_or_selects_a_share_of_the_traces() {
        let id = |last: u64| {
            let mut id = [0xff; 16];
            id[8..].copy_from_slice(&last.to_be_bytes());
            id
        };
        let (low, high) = (id(1), id(u64::MAX));
        for (sampler, parent, sampled) in [
            (Sampler::AlwaysOn, Some(false), [true, true]),
            (Sampler::AlwaysOff, Some(true), [false, false]),
            (Sampler::ParentBasedAlwaysOn, None, [true, true]),
            (Sampler::ParentBasedAlwaysOn, Some(false), [false, false]),
            (Sampler::ParentBasedAlwaysOff, Some(true), [true, true]),
            (Sampler::ParentBasedRatio(0.5), None, [true, false]),
            (Sampler::ParentBasedRatio(0.5), Some(true), [true, true]),
            (Sampler::Ratio(0.0), None, [false, false]),
            (Sampler::Ratio(1.0), Some(false), [true, true]),
        ] {
            assert_eq!([low, high].map(|id| sampler.samples(id, parent)), sampled, "{sampler:?} {parent:?}");
        }
    }
}
