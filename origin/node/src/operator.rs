//! The roles of the person who runs CortexOS on this machine.

use cortex_domain::id::Role;

/// The role that may load and unload models. The shipped policies require it for `job.model.*`.
const MODEL_ADMIN: &str = "model-admin";

/// Returns the roles of the development key and of `API_KEY`. Their holder has started this origin.
#[must_use]
pub fn operator_roles() -> Vec<Role> {
    vec![MODEL_ADMIN.parse().expect("it is a role")]
}
