//! The development key: made through the edge's admin route, kept in the home folder.

use cortex_domain::id::Tenant;

use crate::client::{Admin, Api};
use crate::exit::Failure;
use crate::home::Home;
use crate::secrets::Secrets;

/// The kept key, or a new one where there is none or the edge no longer knows it.
///
/// # Errors
/// If the edge can't be reached or refuses.
pub(crate) async fn ensure(
    home: &Home,
    secrets: &mut Secrets,
    edge: &str,
    tenant: &Tenant,
) -> Result<String, Failure> {
    if let Some(key) = &secrets.dev_key
        && Api::new(edge, key)?.models().await.is_ok()
    {
        return Ok(key.clone());
    }
    let admin = Admin::new(edge, secrets.origin_keyring()?)?;
    let principal = "dev".parse().expect("`dev` is a name");
    let key = admin.create_key(tenant, &principal, &[]).await?;
    let text = key.key.ok_or_else(|| anyhow::anyhow!("the edge made a key and did not show it"))?;
    secrets.dev_key = Some(text.clone());
    secrets.keep(home)?;
    Ok(text)
}
