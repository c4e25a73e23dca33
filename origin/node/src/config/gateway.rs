//! The apis: who may call them, what they hold open, and which models they name.

use std::fmt;

use cortex_domain::id::{ModelName, Tenant};
use cortex_gateway::{Limits, ModelListing, Models};
use cortex_guard::loopback::AllowedHost;
use cortex_models::{ModelCatalogue, ModelKind};
use reqwest::Url;

use crate::home::Home;

/// The section of the apis.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    pub limits: Limits,
    pub operator: Operator,
    /// What the chat workers of this machine begin with, if there are some.
    pub chat_model: Option<ModelName>,
    /// The edge that is sent the state of jobs.
    pub edge: Option<Url>,
}

/// Who calls from this machine, and by which names and key.
#[derive(Clone)]
pub struct Operator {
    /// Whose the local callers' jobs are.
    pub tenant: Tenant,
    /// The local callers' key; `None` for the one that is kept with the other secrets.
    pub api_key: Option<String>,
    /// Names beside those of loopback by which the doors are reached.
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
    /// Returns the names of the models by what they do. Where workers of this machine chat, the model that they begin with
    /// comes first, and only those count whose files are in `home`.
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
