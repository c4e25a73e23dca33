//! The configuration of the APIs: their callers, their limits and their models.

use std::fmt;

use cortex_domain::id::{ModelName, Tenant};
use cortex_gateway::{Limits, ModelListing, Models};
use cortex_guard::loopback::AllowedHost;
use cortex_models::{ModelCatalogue, ModelKind};
use reqwest::Url;

use crate::home::Home;

/// The section of the APIs.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    pub limits: Limits,
    pub operator: Operator,
    /// The first model of this machine's chat workers, if it has any.
    pub chat_model: Option<ModelName>,
    /// The edge that receives the states of jobs.
    pub edge: Option<Url>,
}

/// The callers on this machine: their tenant, their key and the host names that they may use.
#[derive(Clone)]
pub struct Operator {
    /// The tenant of local callers.
    pub tenant: Tenant,
    /// The key of local callers. `None` for the key in the secrets file.
    pub api_key: Option<String>,
    /// Host names of the APIs, besides those of loopback.
    pub allowed_hosts: Vec<AllowedHost>,
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operator")
            .field("tenant", &self.tenant)
            .field("api_key", &self.api_key.as_ref().map(|_| "***"))
            .field("allowed_hosts", &self.allowed_hosts)
            .finish()
    }
}

impl Operator {
    #[cfg(test)]
    pub(crate) fn of_tests() -> Self {
        Self { tenant: "dev".parse().unwrap(), api_key: None, allowed_hosts: Vec::new() }
    }
}

impl GatewayConfig {
    /// Returns the models by kind. If this machine has chat workers, their first model is the
    /// default, and a chat model is available only while its files are in `home`.
    #[must_use]
    pub(crate) fn models(&self, catalogue: &ModelCatalogue, home: &Home) -> Models {
        let first = self.chat_model.as_ref();
        let of_kind = |wanted: fn(&ModelKind) -> bool| {
            let models = catalogue.iter().filter(move |model| wanted(&model.kind));
            models.map(|model| model.name.clone()).collect::<Vec<_>>()
        };
        let mut chat = of_kind(|kind| matches!(kind, ModelKind::Chat { .. }));
        chat.sort_by_key(|name| Some(name) != first);
        let local = first.map(|_| (home.path().to_owned(), catalogue.clone()));
        let is_here = move |name: &ModelName| {
            local.as_ref().is_none_or(|(home, models)| {
                models.get(name.as_str()).is_ok_and(|model| model.installed(home))
            })
        };
        Models {
            embedding: of_kind(|kind| matches!(kind, ModelKind::Embedding { .. })),
            chat: ModelListing::new(chat, is_here),
        }
    }
}
