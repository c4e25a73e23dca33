//! Converts the settings of the exporter to the types of OpenTelemetry's SDK.

use cortex_otlp::{Sampler, Settings};
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::Sampler as SdkSampler;

use super::Service;

pub(super) fn resource(settings: &Settings, service: &Service) -> Resource {
    let name = settings.service.clone().unwrap_or_else(|| service.name.to_owned());
    let own = [
        KeyValue::new("service.version", service.version),
        KeyValue::new("process.pid", i64::from(std::process::id())),
    ];
    let given = settings.attributes.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    Resource::builder_empty().with_attributes(own.into_iter().chain(given)).with_service_name(name).build()
}

pub(super) fn sampler(sampler: Sampler) -> SdkSampler {
    let by_parent = |sampler| SdkSampler::ParentBased(Box::new(sampler));
    match sampler {
        Sampler::AlwaysOn => SdkSampler::AlwaysOn,
        Sampler::AlwaysOff => SdkSampler::AlwaysOff,
        Sampler::Ratio(ratio) => SdkSampler::TraceIdRatioBased(ratio),
        Sampler::ParentBasedAlwaysOn => by_parent(SdkSampler::AlwaysOn),
        Sampler::ParentBasedAlwaysOff => by_parent(SdkSampler::AlwaysOff),
        Sampler::ParentBasedRatio(ratio) => by_parent(SdkSampler::TraceIdRatioBased(ratio)),
    }
}
