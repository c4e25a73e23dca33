//! The roles of those who run CortexOS on this machine.

use cortex_domain::id::Role;

/// May load and unload models; the policies that are shipped bind `job.model.*` to it.
const MODEL_ADMIN: &str = "model-admin";

/// The roles of the development key and of `API_KEY`: a holder of either has started this origin.
pub(crate) fn of_the_operator() -> Vec<Role> {
    vec![MODEL_ADMIN.parse().expect("it is a role")]
}
