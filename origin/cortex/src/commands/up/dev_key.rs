//! The development key, created through the edge's admin route and stored in the home folder.

use cortex_client::{Admin, Api};
use cortex_domain::id::{Role, Tenant};
use cortex_guard::keys::ApiKey;
use cortex_node::{Home, Secrets, operator_roles};

use crate::exit::Failure;

/// Returns the stored key. creates a new one if it is missing, if the edge doesn't know it, or if
/// it has too few roles.
///
/// # Errors
/// Returns an error if the edge can't be reached or refuses the request.
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
    let text = key.key.ok_or_else(|| Failure::defect("the edge created a key but did not return it"))?;
    secrets.dev_key = Some(text.clone());
    secrets.keep(home)?;
    Ok(text)
}

async fn has_roles(admin: &Admin, tenant: &Tenant, key: &str, roles: &[Role]) -> bool {
    let (Ok(key), Ok(known)) = (key.parse::<ApiKey>(), admin.keys(tenant).await) else { return false };
    let kept = known.iter().find(|known| known.id == key.id);
    kept.is_some_and(|kept| roles.iter().all(|role| kept.roles.contains(role)))
}
