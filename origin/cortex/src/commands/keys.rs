//! `cortex keys`: the edge's API keys, by its signed admin route.

use crate::args::EdgeArgs;
use cortex_api::{KeyPage, KeyView};
use cortex_domain::id::KeyId;
use cortex_domain::id::{Principal, Role, Tenant};

use crate::exit::{Exit, Failure};
use crate::output::{self, fields, table};
use crate::target;
use cortex_node::Home;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Make a key; it is shown once
    Create {
        #[command(flatten)]
        edge: EdgeArgs,
        #[arg(long, env = "TENANT_ID", default_value = "dev")]
        tenant: Tenant,
        /// Who acts with it
        #[arg(long)]
        principal: Principal,
        #[arg(long, value_delimiter = ',')]
        roles: Vec<Role>,
    },
    /// List a tenant's keys
    List {
        #[command(flatten)]
        edge: EdgeArgs,
        #[arg(long, env = "TENANT_ID", default_value = "dev")]
        tenant: Tenant,
    },
    /// Revoke a key, for good
    Revoke {
        #[command(flatten)]
        edge: EdgeArgs,
        /// Whose it is, for a key that the edge's cache doesn't know: one made just now, or revoked before
        #[arg(long, env = "TENANT_ID", default_value = "dev")]
        tenant: Tenant,
        /// The key's id: the part between `ctx_` and the secret
        id: String,
    },
}

/// Makes, lists and revokes keys.
///
/// # Errors
/// Returns an error if the edge can't be reached or refuses.
pub(crate) async fn run(home: &Home, verb: Verb, json: bool) -> Result<Exit, Failure> {
    match verb {
        Verb::Create { edge, tenant, principal, roles } => {
            let key = target::admin(home, &edge)?.create_key(&tenant, &principal, &roles).await?;
            if json {
                output::json(&key)?
            } else {
                output::out(&one(&key))
            };
            output::note("keep the key: it is not shown again");
        }
        Verb::List { edge, tenant } => {
            let keys = target::admin(home, &edge)?.keys(&tenant).await?;
            if json {
                output::json(&KeyPage { keys })?
            } else {
                output::out(&list(&keys))
            };
        }
        Verb::Revoke { edge, tenant, id } => {
            let id: KeyId = id.parse().map_err(|_| wrong_id())?;
            let key = target::admin(home, &edge)?.revoke(&id, &tenant).await?;
            if json {
                output::json(&key)?
            } else {
                output::out(&one(&key))
            };
        }
    }
    Ok(Exit::Done)
}

/// Doesn't repeat what was given: it may be a whole key.
fn wrong_id() -> Failure {
    let detail =
        "that is no key's id: it is the part between `ctx_` and the secret, as `cortex keys list` shows it";
    Failure::message(Exit::BadInput, detail)
}

fn one(key: &KeyView) -> String {
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
    table(["ID", "PRINCIPAL", "ROLES", "CREATED", "STATE"], rows)
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
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_is_shown_where_it_was_made_and_not_where_it_is_listed() {
        let view = json!({"id": "abcdefghijkl", "tenant": "dev", "principal": "me", "roles": [],
            "created_at": "2026-11-20T23:36:30.000Z", "revoked": false, "key": "ctx_abcdefghijkl_secret"});
        let key: KeyView = serde_json::from_value(view).unwrap();
        assert!(one(&key).ends_with("key        ctx_abcdefghijkl_secret"), "{}", one(&key));
        assert!(!list(&[key]).contains("secret"));
    }

    #[test]
    fn a_wrong_id_is_not_repeated() {
        assert!("ctx_abcdefghijkl_secret".parse::<KeyId>().is_err());
        assert!(!wrong_id().error.to_string().contains("secret_"));
    }
}
