//! Bodies of answers. A test writes a whole answer of each kind and holds it against its schema.

mod generation;
mod jobs;
mod models;
mod service;

use super::schema::Components;

pub(super) fn components() -> Components {
    [jobs::components(), generation::components(), models::components(), service::components()].concat()
}
