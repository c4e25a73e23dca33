//! Reads `safety.yaml`, which says which topics each tenant may use.

use std::collections::BTreeMap;
use std::path::Path;

use cortex_config::{ConfigError, Parsed};
use cortex_domain::id::{Role, Tenant};
use cortex_domain::policy::PolicyVersion;
use cortex_domain::topic::TopicPattern;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// One version of the policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    version: PolicyVersion,
    default: Option<Rules>,
    tenants: BTreeMap<Parsed<Tenant>, Rules>,
}

/// The rules of one tenant. `deny` takes precedence over `allow`, and a topic that neither names is
/// denied.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    /// Topics that the tenant may use.
    #[serde(default)]
    pub(crate) allow: Vec<Parsed<TopicPattern>>,
    /// Topics that are denied even if another key allows them.
    #[serde(default)]
    pub(crate) deny: Vec<Parsed<TopicPattern>>,
    /// Topics that a caller may use only with one of these roles.
    #[serde(default)]
    pub(crate) roles: BTreeMap<Parsed<TopicPattern>, Vec<Parsed<Role>>>,
}

/// `safety.yaml`: the topics that each tenant may use.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct File {
    /// The rules of tenants that `tenants` does not name. Without it, such a tenant is denied
    /// everything.
    default: Option<Rules>,
    /// The rules of single tenants.
    #[serde(default)]
    tenants: BTreeMap<Parsed<Tenant>, Rules>,
}

/// Why policies can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(
        "{file}: missing `default` and `tenants` (expected rules for at least one tenant, because this file would deny everything)"
    )]
    Empty { file: String },
}

impl Policies {
    /// Returns the JSON schema of the file.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(File)
    }

    /// Reads a file. Its version is the start of its SHA-256, so that a decision names the text
    /// that it came from.
    ///
    /// # Errors
    /// Returns an error if the file can't be read or is invalid.
    pub fn load(path: &Path) -> Result<Self, PolicyError> {
        Self::parse(&cortex_config::text(path)?, path)
    }

    /// Parses the text of a file. `path` appears only in errors.
    ///
    /// # Errors
    /// Returns an error if the text is invalid.
    pub fn parse(text: &str, path: &Path) -> Result<Self, PolicyError> {
        let file: File = cortex_config::parse(text, path)?;
        if file.default.is_none() && file.tenants.is_empty() {
            return Err(PolicyError::Empty { file: path.display().to_string() });
        }
        let digest = hex::encode(Sha256::digest(text));
        Ok(Self {
            version: PolicyVersion(digest[..12].to_owned()),
            default: file.default,
            tenants: file.tenants,
        })
    }

    #[must_use]
    pub fn version(&self) -> &PolicyVersion {
        &self.version
    }

    /// Returns whether there are rules for a tenant. Without rules, a tenant is denied everything.
    #[must_use]
    pub fn know(&self, tenant: &Tenant) -> bool {
        self.rules(tenant).is_some()
    }

    /// Returns the rules for a tenant and their name: its own rules, or else the default.
    pub(crate) fn rules(&self, tenant: &Tenant) -> Option<(String, &Rules)> {
        match self.tenants.get(&Parsed(tenant.clone())) {
            Some(rules) => Some((format!("tenants.{tenant}"), rules)),
            None => self.default.as_ref().map(|rules| ("default".to_owned(), rules)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Policies::parse(text, Path::new("safety.yaml")).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_key_and_line() {
        let text = "default:\n  allow: [\"job.>\"]\n  alow: []\n";
        let message = refusal(text);
        assert!(message.starts_with("safety.yaml:3:") && message.contains("alow"), "{message}");
    }

    #[test]
    fn a_pattern_that_can_match_nothing_is_refused() {
        let message = refusal("default:\n  allow: [\"jobs.echo\"]\n");
        assert!(message.contains("topic pattern"), "{message}");
    }

    #[test]
    fn a_tenant_is_known_by_name_or_by_a_default() {
        let knows = |text, tenant: &str| {
            Policies::parse(text, Path::new("f")).unwrap().know(&tenant.parse().unwrap())
        };
        assert!(knows("tenants: {a: {allow: [job.echo]}}", "a"));
        assert!(!knows("tenants: {a: {allow: [job.echo]}}", "b"));
        assert!(knows("default: {allow: [job.echo]}", "b"));
    }

    #[test]
    fn an_empty_file_is_refused() {
        assert!(refusal("tenants: {}\n").contains("deny everything"));
    }

    #[test]
    fn the_version_follows_the_text() {
        let of = |text| Policies::parse(text, Path::new("f")).unwrap().version().clone();
        let (a, b) = ("default: {allow: [\"job.>\"]}", "default: {allow: [\"job.echo\"]}");
        assert_eq!(of(a), of(a));
        assert_ne!(of(a), of(b));
    }
}
