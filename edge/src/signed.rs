//! Requests that the origin or the command line signed.

use cortex_api::Problem;
use cortex_api::body::Checked;
use cortex_api::routes::BodyLimit;
use cortex_guard::precheck;
use cortex_guard::signature::{self, Announced, Head as SignedHead, verify};
use worker::{Env, Request};

use crate::body::Incoming;
use crate::error::ApiError;
use crate::incoming::Head;
use crate::{body, clock, config, log, nonces};

/// Whom the bodies of signed requests count for. No tenant's name holds a slash.
const OWNER: &str = "/internal";

/// A request whose signature holds over its head and its body, and which was not seen before. [`Signed::verify`] alone
/// makes one.
#[derive(Debug)]
pub(crate) struct Signed {
    body: Vec<u8>,
    takes: BodyLimit,
}

impl Signed {
    /// Checks the head before a byte of the body is read, and then the body against what the head announces.
    pub(crate) async fn verify(
        head: &Head,
        request: &mut Request,
        takes: BodyLimit,
        env: &Env,
    ) -> Result<Self, ApiError> {
        let announced = verify_head(head, env).await?;
        let body = body::read(Incoming { request, takes }, OWNER).await?;
        announced.check(&body).map_err(refused)?;
        Ok(Self { body, takes })
    }

    /// Its JSON body, in which no secret is looked for: it quotes no caller.
    pub(crate) fn json(&self) -> Result<Checked<'_>, Problem> {
        precheck::check_internal(&self.body, self.takes)
    }

    /// Its JSON body, in which no secret may stand.
    pub(crate) fn json_without_secrets(&self) -> Result<Checked<'_>, Problem> {
        precheck::check_inner(&self.body, self.takes)
    }
}

/// Checks a head, and returns the body that it announces.
async fn verify_head(head: &Head, env: &Env) -> Result<Announced, ApiError> {
    let signed = SignedHead {
        method: &head.method,
        path: &head.path,
        query: &head.query,
        content_type: head.content_type().unwrap_or_default(),
    };
    let all = head.headers.iter().map(|(name, value)| (name, value));
    let verified = match verify(&signed, all, &config::origin_keys(env)?, clock::now()) {
        Ok(verified) => verified,
        Err(refusal) => return Err(refused(refusal)),
    };
    let seen = nonces::remember(&verified, env).await?;
    verified.once(seen).map(|verified| verified.body).map_err(refused)
}

fn refused(refusal: signature::SignatureError) -> ApiError {
    log::error("signature.refused", &[("cause", &refusal.to_string())]);
    Problem::from(refusal).into()
}
