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
/// Makes each test once for each server.
macro_rules! on_each_server {
    ($($name:ident)*) => {
        mod redis7 {
            $(#[tokio::test]
            async fn $name() {
                super::$name(cortex_test_servers::RedisKind::Redis).await;
            })*
        }

        mod valkey8 {
            $(#[tokio::test]
            async fn $name() {
                super::$name(cortex_test_servers::RedisKind::Valkey).await;
            })*
        }
    };
}

#[path = "redis/acl.rs"]
mod acl;
#[path = "redis/full.rs"]
mod full;
#[path = "redis/inspect.rs"]
mod inspect;
#[path = "redis/keys.rs"]
mod keys;
#[path = "redis/opening.rs"]
mod opening;
#[path = "redis/order.rs"]
mod order;
#[path = "redis/outage.rs"]
mod outage;
#[path = "redis/upkeep.rs"]
mod upkeep;

mod redis7 {
    use super::*;
    contract::contract!(installed!(Place::start(RedisKind::Redis)));
}

mod valkey8 {
    use super::*;
    contract::contract!(installed!(Place::start(RedisKind::Valkey)));
}
