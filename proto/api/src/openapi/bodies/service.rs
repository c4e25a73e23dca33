//! What the doors and the command line send each other.

use cortex_domain::id::{Principal, Role, Tenant};
use cortex_domain::state::StateName;
use serde_json::{Value, json};

use super::super::schema::{Components, count, list, list_of, matching, name, one_of, strict, time};
use crate::ledger::MAX_STATES;

pub(super) fn components() -> Components {
    let create = strict()
        .required("tenant", tenant())
        .required("principal", principal())
        .optional("roles", list(role()));
    let line = strict()
        .required("tenant", tenant())
        .required("job", job_id())
        .required("version", count())
        .required("state", state())
        .required("at", time());
    let report = strict().required("states", list_of(line.build(), 0, MAX_STATES));
    let revoked = strict().required("key", key_id());
    vec![("CreateKey", create.build()), ("StateReport", report.build()), ("RevokedKey", revoked.build())]
}

pub(in super::super) fn tenant() -> Value {
    name("-_.A-Za-z0-9", Tenant::MAX)
}

pub(in super::super) fn principal() -> Value {
    name("-_.@:/+A-Za-z0-9", Principal::MAX)
}

pub(in super::super) fn role() -> Value {
    name("-_.A-Za-z0-9", Role::MAX)
}

pub(in super::super) fn key_id() -> Value {
    matching("^[a-z2-7]{12}$")
}

pub(in super::super) fn job_id() -> Value {
    json!({
        "type": "string",
        "format": "uuid",
        "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$",
        "example": "01a1fb51-9430-7707-8707-070707070707",
    })
}

pub(in super::super) fn state() -> Value {
    one_of(&StateName::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>())
}
