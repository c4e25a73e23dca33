//! Real Redis, Valkey, Postgres and NATS servers for tests. Each server has its own folder and
//! port, and ends when it is dropped.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "only tests use this crate")]

mod nats;
mod port;
mod postgres;
mod process;
mod redis;

use std::path::PathBuf;

pub use nats::{Nats, NatsOptions};
pub use postgres::{Postgres, PostgresVersion};
pub use redis::{Redis, RedisKind};

/// Returns a server's program, which `scripts/tools.sh env` names in `variable`.
///
/// # Panics
/// Panics if the program is missing although `CORTEX_TEST_SERVERS` demands it.
fn program(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = path.filter(|path| path.exists()) {
        return Some(path);
    }
    assert!(
        std::env::var_os("CORTEX_TEST_SERVERS").is_none(),
        "{variable} names no program: run `scripts/tools.sh test`, then `eval \"$(scripts/tools.sh env)\"`"
    );
    println!("not tested: {variable} names no program");
    None
}
