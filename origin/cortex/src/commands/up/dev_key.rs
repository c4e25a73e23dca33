//! The development key: made through the edge's admin route, kept in the home folder.

use cortex_domain::id::{Role, Tenant};
use cortex_guard::keys::ApiKey;

use crate::exit::{Exit, Failure};
use cortex_client::{Admin, Api};
use cortex_node::Home;
use cortex_node::{Secrets, operator_roles};

/// The kept key, or a new one where there is none, the edge no longer knows it, or it lacks a role that it needs now.
///
/// # Errors
/// If the edge can't be reached or refuses.
pub(crate) async fn ensure(
    home: &Home,
    secrets: &mut Secrets,
    edge: &str,
    tenant: &Tenant,
) -> Result<String, Failure> {
    let admin = Admin::new(edge, secrets.origin_keyring()?)?;
    let roles = operator_roles();
    if let Some(key) = &secrets.dev_key
        && Api::new(edge, key)?.models().await.is_ok()
        && has_roles(&admin, tenant, key, &roles).await
    {
        return Ok(key.clone());
    }
    let principal = "dev".parse().expect("`dev` is a name");
    let key = admin.create_key(tenant, &principal, &roles).await?;
    let text =
        key.key.ok_or_else(|| Failure::message(Exit::Broken, "the edge made a key and did not show it"))?;
    secrets.dev_key = Some(text.clone());
    secrets.keep(home)?;
    Ok(text)
}

async fn has_roles(admin: &Admin, tenant: &Tenant, key: &str, roles: &[Role]) -> bool {
    let (Ok(key), Ok(known)) = (key.parse::<ApiKey>(), admin.keys(tenant).await) else { return false };
    let kept = known.iter().find(|known| known.id == key.id);
    kept.is_some_and(|kept| roles.iter().all(|role| kept.roles.contains(role)))
}
