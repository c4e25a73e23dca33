//! The store on Postgres keeps the contract.

#![allow(clippy::unwrap_used)]

mod contract;
#[path = "postgres/place.rs"]
mod place;

use cortex_test_servers::PostgresVersion;
use place::Place;

/// Returns a place on a new server, or ends the test if the server is not installed.
macro_rules! installed {
    ($place:expr) => {
        match $place {
            Some(place) => place,
            None => return,
        }
    };
}

#[path = "postgres/inspect.rs"]
mod inspect;
#[path = "postgres/opening.rs"]
mod opening;
#[path = "postgres/order.rs"]
mod order;
#[path = "postgres/outage.rs"]
mod outage;

mod postgres15 {
    use super::*;
    contract::contract!(installed!(Place::start(PostgresVersion::V15)));
}

mod postgres18 {
    use super::*;
    contract::contract!(installed!(Place::start(PostgresVersion::V18)));
}
