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

/// The owner of the bodies of signed requests. Tenant names contain no slash.
const OWNER: &str = "/internal";

/// A request with a valid signature over its head and its body that was not seen before. Only
/// [`Signed::verify`] creates one.
#[derive(Debug)]
pub(crate) struct Signed {
    body: Vec<u8>,
    takes: BodyLimit,
}

impl Signed {
    /// Verifies the head before the body is read, and then the body against the announced one.
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

    /// Returns the JSON body without searching it for secrets, because it contains no text of a
    /// caller.
    pub(crate) fn json(&self) -> Result<Checked<'_>, Problem> {
        precheck::check_internal(&self.body, self.takes)
    }

    /// Returns the JSON body, or an error if it contains a secret.
    pub(crate) fn json_without_secrets(&self) -> Result<Checked<'_>, Problem> {
        precheck::check_inner(&self.body, self.takes)
    }
}

/// Verifies a head, and returns the announced body.
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
