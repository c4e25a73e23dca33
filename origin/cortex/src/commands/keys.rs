//! `cortex keys`: API keys, through the edge's admin route.

use cortex_api::{KeyPage, KeyView};
use cortex_client::CallError;
use cortex_domain::ErrorCode;
use cortex_domain::id::{KeyId, Principal, Role, Tenant};
use cortex_node::Home;

use crate::args::EdgeArgs;
use crate::exit::{Exit, Failure};
use crate::output::{self, Column, fields, table};
use crate::target;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Create a key, which is shown only once
    Create {
        #[command(flatten)]
        edge: EdgeArgs,
        /// The tenant of the key
        #[arg(long, env = "TENANT_ID", default_value = "dev")]
        tenant: Tenant,
        /// The person or program that uses the key
        #[arg(long)]
        principal: Principal,
        /// The roles of the key, separated by commas [default: none]
        #[arg(long, value_delimiter = ',')]
        roles: Vec<Role>,
    },
    /// List a tenant's keys
    List {
        #[command(flatten)]
        edge: EdgeArgs,
        /// The tenant of the key
        #[arg(long, env = "TENANT_ID", default_value = "dev")]
        tenant: Tenant,
    },
    /// Revoke a key permanently
    Revoke {
        #[command(flatten)]
        edge: EdgeArgs,
        /// The tenant of the key; needed for a key that is new or already revoked
        #[arg(long, env = "TENANT_ID", default_value = "dev")]
        tenant: Tenant,
        /// The id of the key: the part between `ctx_` and the secret
        id: String,
    },
}

/// Creates, lists and revokes keys.
///
/// # Errors
/// Returns an error if the edge can't be reached or refuses the request.
pub(crate) async fn run(home: &Home, verb: Verb, json: bool) -> Result<Exit, Failure> {
    match verb {
        Verb::Create { edge, tenant, principal, roles } => {
            let key = target::admin(home, &edge)?.create_key(&tenant, &principal, &roles).await?;
            if json {
                output::print_json(&key)?
            } else {
                output::print(&details(&key))?
            };
            output::note("store the key now: it is not shown again");
        }
        Verb::List { edge, tenant } => {
            let keys = target::admin(home, &edge)?.keys(&tenant).await?;
            if json {
                output::print_json(&KeyPage { keys })?
            } else {
                output::print(&list(&keys))?
            };
        }
        Verb::Revoke { edge, tenant, id } => {
            let id: KeyId = id.parse().map_err(|_| invalid_id())?;
            let revoked = target::admin(home, &edge)?.revoke(&id, &tenant).await;
            let key = revoked.map_err(|error| revoke_failure(&id, error))?;
            if json {
                output::print_json(&key)?
            } else {
                output::print(&details(&key))?
            };
        }
    }
    Ok(Exit::Done)
}

/// Returns an error that doesn't repeat the argument, which may be a whole key.
fn invalid_id() -> Failure {
    let message = "invalid key id: expected the part of the key between `ctx_` and the secret";
    Failure::message(Exit::BadInput, message, "`cortex keys list` shows the ids")
}

fn revoke_failure(id: &KeyId, error: CallError) -> Failure {
    match error {
        CallError::Refused(refused) if refused.slug.as_deref() == Some(ErrorCode::NotFound.slug()) => {
            let help = "`cortex keys list` shows the ids; pass --tenant for a key of another tenant";
            Failure::message(Exit::BadInput, format!("unknown key `{id}`"), help)
        }
        error => error.into(),
    }
}

fn details(key: &KeyView) -> String {
    let mut lines = vec![
        ("id", key.id.to_string()),
        ("tenant", key.tenant.to_string()),
        ("principal", key.principal.to_string()),
        ("roles", roles(key)),
        ("created", key.created_at.to_string()),
        ("state", state(key)),
    ];
    if let Some(text) = &key.key {
        lines.push(("key", text.clone()));
    }
    fields(lines)
}

fn list(keys: &[KeyView]) -> String {
    let rows = keys.iter().map(|key| {
        let id = key.id.to_string();
        [id, key.principal.to_string(), roles(key), key.created_at.to_string(), state(key)]
    });
    let columns = [
        Column::fixed("ID"),
        Column::fixed("PRINCIPAL"),
        Column::text("ROLES"),
        Column::optional("CREATED", 1),
        Column::fixed("STATE"),
    ];
    table(columns, rows)
}

fn roles(key: &KeyView) -> String {
    let roles: Vec<_> = key.roles.iter().map(ToString::to_string).collect();
    if roles.is_empty() { "-".into() } else { roles.join(",") }
}

fn state(key: &KeyView) -> String {
    if key.revoked { "revoked" } else { "live" }.into()
}

#[cfg(test)]
mod tests {
    use cortex_client::ApiError;
    use reqwest::StatusCode;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_shown_when_it_is_created_and_not_in_the_list() {
        let view = json!({"id": "abcdefghijkl", "tenant": "dev", "principal": "me", "roles": [],
            "created_at": "2026-11-20T23:36:30.000Z", "revoked": false, "key": "ctx_abcdefghijkl_secret"});
        let key: KeyView = serde_json::from_value(view).unwrap();
        assert!(details(&key).ends_with("key        ctx_abcdefghijkl_secret"), "{}", details(&key));
        assert!(!list(&[key]).contains("secret"));
    }

    #[test]
    fn an_unknown_key_is_named() {
        let refused = ApiError {
            status: StatusCode::NOT_FOUND,
            slug: Some("not-found".to_owned()),
            detail: "no resource at this path".to_owned(),
            retry_after: None,
        };
        let failure = revoke_failure(&"abcdefghijkl".parse().unwrap(), CallError::Refused(refused));
        assert_eq!(failure.exit, Exit::BadInput);
        assert_eq!(failure.error.to_string(), "unknown key `abcdefghijkl`");
    }

    #[test]
    fn an_invalid_id_is_not_repeated() {
        assert!("ctx_abcdefghijkl_secret".parse::<KeyId>().is_err());
        assert!(!invalid_id().error.to_string().contains("secret_"));
    }
}
