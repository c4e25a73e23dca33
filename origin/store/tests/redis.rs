//! The store on Redis and on Valkey keeps the contract.

#![allow(clippy::unwrap_used)]

mod contract;
#[path = "redis/place.rs"]
mod place;

use cortex_test_servers::RedisKind;
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
mod redis7 {
    use super::*;
    contract::contract!(installed!(Place::start(RedisKind::Redis)));
}

mod valkey8 {
    use super::*;
    contract::contract!(installed!(Place::start(RedisKind::Valkey)));
}
