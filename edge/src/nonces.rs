//! The nonces of signed requests: one Durable Object for each signing key, so that a signed request
//! is valid once across all edge locations.
//!
//! Only a [`Verified`] names an object. It exists only with a valid signature under a key of the
//! keyring, so no other request creates an object.

use std::cell::Cell;
use std::time::Duration;

use cortex_domain::time::Timestamp;
use cortex_guard::signature::{NonceState, Verified, WINDOW};
use serde::{Deserialize, Serialize};
use worker::{DurableObject, Env, Response, Result, State, durable_object};

use crate::error::ApiError;
use crate::object::request::{Answers, Request, ask};
use crate::object::sql::{Sql, Statement, text, time};
use crate::{clock, log};

/// How long nonces are kept. Older signatures are rejected for their time, which may also lie ahead
/// of the clock.
const RETENTION: Duration = Duration::from_secs(2 * WINDOW.as_secs());

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS nonce (
    signed INTEGER NOT NULL, nonce TEXT NOT NULL, PRIMARY KEY (signed, nonce)
) WITHOUT ROWID";

/// Asks whether a nonce is new, and stores it.
#[derive(Debug, Serialize, Deserialize)]
struct Remember {
    nonce: String,
    #[serde(with = "cortex_api::rfc3339")]
    signed: Timestamp,
}

impl Request for Remember {
    const PATH: &'static str = "/remember";
    type Reply = bool;
}

/// Returns whether the nonce of a verified request is new, and stores it.
pub(crate) async fn remember(verified: &Verified, env: &Env) -> Result<NonceState, ApiError> {
    let object = env.durable_object("NONCES")?.get_by_name(&verified.key_id)?;
    let request = Remember { nonce: verified.nonce.to_string(), signed: verified.signed };
    Ok(if ask(&object, &request).await? { NonceState::Fresh } else { NonceState::Replayed })
}

/// The used nonces of one key.
#[durable_object]
#[derive(Debug)]
pub struct Nonces {
    sql: Sql,
    has_table: Cell<bool>,
}

impl DurableObject for Nonces {
    fn new(state: State, _env: Env) -> Self {
        Self { sql: Sql(state.storage().sql()), has_table: Cell::default() }
    }

    async fn fetch(&self, mut request: worker::Request) -> Result<Response> {
        let reply = match request.path().as_str() {
            Remember::PATH => self.answer(serde_json::from_str(&request.text().await?)?).await,
            _ => return Response::error("no such request", 404),
        };
        match reply {
            Ok(fresh) => Response::ok(serde_json::to_string(&fresh)?),
            Err(error) => {
                log::error("nonces.broken", &[("cause", &error.to_string())]);
                Response::error(error.to_string(), 500)
            }
        }
    }
}

impl Answers<Remember> for Nonces {
    async fn answer(&self, Remember { nonce, signed }: Remember) -> Result<bool> {
        if !self.has_table.get() {
            self.sql.run(Statement::new(SCHEMA, vec![]))?;
            self.has_table.set(true);
        }
        let now = clock::now().as_millis();
        let horizon = now.saturating_sub(u64::try_from(RETENTION.as_millis()).unwrap_or(u64::MAX));
        let forget = "DELETE FROM nonce WHERE signed < ?";
        self.sql.run(Statement::new(forget, vec![time(Timestamp::from_millis(horizon))]))?;
        let insert = "INSERT OR IGNORE INTO nonce (signed, nonce) VALUES (?, ?) RETURNING nonce";
        self.sql.any(Statement::new(insert, vec![time(signed), text(&nonce)]))
    }
}
