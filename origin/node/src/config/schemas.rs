//! The JSON schemas of the configuration files, for editors and for the reference pages.

use cortex_models::ModelCatalogue;
use cortex_safety::Policies;
use schemars::Schema;

use super::limits::Limits;

/// Returns the schema of each configuration file with the name of the file.
#[must_use]
pub fn schemas() -> [(&'static str, Schema); 5] {
    [
        ("pools", cortex_scheduler::pools_schema()),
        ("timeouts", cortex_scheduler::timeouts_schema()),
        ("safety", Policies::schema()),
        ("limits", Limits::schema()),
        ("models", ModelCatalogue::schema()),
    ]
}
