//! The roles of the person who runs CortexOS on this machine.

use cortex_domain::id::Role;

/// May load and unload models. The policies that are shipped bind `job.model.*` to it.
const MODEL_ADMIN: &str = "model-admin";

/// Returns the roles of the development key and of `API_KEY`: a holder of either has started this origin.
#[must_use]
pub fn operator_roles() -> Vec<Role> {
    vec![MODEL_ADMIN.parse().expect("it is a role")]
}
